// SPDX-License-Identifier: Apache-2.0
#include "agent/net/process_runner.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/process.h"
#include "core/wipe.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxRuns = 4;
constexpr const char* kUsualPath = "/usr/local/bin:/usr/bin:/bin";

std::string find_program(const std::string& name, const std::string& path) {
    if (name.find('/') != std::string::npos) return name;
    std::istringstream folders(path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::string full = folder + "/" + name;
        if (folder.starts_with('/') && ::access(full.c_str(), X_OK) == 0) return full;
    }
    return {};
}

core::Message how_it_ended(int status) {
    if (WIFSIGNALED(status)) return core::message("was killed by signal {}", WTERMSIG(status));
    return core::message("ended with exit code {}", WEXITSTATUS(status));
}

}  // namespace

struct ProcessRunner::Run {
    explicit Run(core::Clock& clock) : deadline(clock) {}
    Done done;  // empty once called: the process is then waited for
    std::string output;
    core::UniqueFd pipe;
    core::FdWatcher readable;
    core::ProcessWatch process;
    core::Timer deadline;
    pid_t pid = 0;

    /// Kills its process group, so also its children that stayed in it.
    void kill() const { ::kill(-pid, SIGKILL); }
    void wipe() { core::wipe_bytes(output.data(), output.size()); }
};

ProcessRunner::ProcessRunner(core::Loop& loop, core::Clock& clock, Environment environment, core::Micros limit_us,
                             std::size_t max_output)
    : loop_(loop), clock_(clock), environment_(std::move(environment)), limit_us_(limit_us), max_output_(max_output) {}

ProcessRunner::~ProcessRunner() {
    for (auto& [id, run] : runs_) {
        run->kill();
        run->wipe();
    }
}

void ProcessRunner::run(std::vector<std::string> argv, Done done) {
    if (argv.empty() || runs_.size() >= kMaxRuns) return done(core::fail(Code::kInternal, "too many programs at once"));
    core::ChildSpec spec;
    const std::string path = environment_("PATH").empty() ? kUsualPath : environment_("PATH");
    spec.environment = {"PATH=" + path};
    for (const char* name : {"HOME", "LANG"}) {
        if (const std::string value = environment_(name); !value.empty())
            spec.environment.push_back(std::string(name) + "=" + value);
    }
    const std::string program = find_program(argv[0], path);
    if (program.empty()) {
        return done(core::fail(Code::kFileMissing, core::message("there is no program of that name in {}", path),
                               "give its whole path"));
    }
    argv[0] = program;
    spec.argv = std::move(argv);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return done(core::fail(Code::kInternal, "cannot make a pipe", {}, errno));
    const core::UniqueFd write_end(ends[1]), nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    auto run = std::make_unique<Run>(clock_);
    run->pipe.reset(ends[0]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    spec.stdout_fd = write_end.get();
    if (nowhere) spec.stderr_fd = nowhere.get();
    const auto pid = core::start_child(spec);
    if (!pid) return done(core::fail(pid.error()));
    run->pid = *pid;
    run->done = std::move(done);
    const std::uint64_t id = next_id_++;
    Run& r = *(runs_[id] = std::move(run));
    r.readable.start(loop_, r.pipe.get(), UV_READABLE, [this, id](int, int) { read_output(id); });
    r.deadline.start_in(
        limit_us_, [this, id] { refuse(id, core::message("did not end within {} s", limit_us_ / core::kSecond)); });
    if (!r.process.start(loop_, *pid, [this, id] { ended(id); })) ended(id);
}

void ProcessRunner::read_output(std::uint64_t id) {
    Run& run = *runs_.at(id);
    char buffer[4096];
    for (;;) {
        const ssize_t n = ::read(run.pipe.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            run.readable.stop();  // it closed its output but may still be running
            break;
        }
        run.output.append(buffer, static_cast<std::size_t>(n));
        if (run.output.size() > max_output_) {
            refuse(id, core::message("printed more than {} KiB", max_output_ >> 10));
            break;
        }
    }
    core::wipe_bytes(buffer, sizeof buffer);
}

/// Too slow or too much output: reported now, removed when the process has exited.
void ProcessRunner::refuse(std::uint64_t id, core::Message why) {
    Run& run = *runs_.at(id);
    run.readable.stop();
    run.deadline.stop();
    run.wipe();
    run.kill();
    const Done done = std::exchange(run.done, {});
    if (done) done(core::fail(Code::kTimeout, std::move(why)));
}

void ProcessRunner::ended(std::uint64_t id) {
    if (runs_.at(id)->done) read_output(id);  // output written before it exited
    auto node = runs_.extract(id);
    Run& run = *node.mapped();
    if (!run.done) return;
    run.readable.stop();
    run.deadline.stop();
    if (const int status = run.process.wait_status(); status != 0) {
        run.wipe();
        return run.done(core::fail(Code::kCredentialsInvalid, how_it_ended(status)));
    }
    run.done(std::move(run.output));
}

}  // namespace postern::agent
