// SPDX-License-Identifier: Apache-2.0
// `postern publish file` and `postern publish external-dns`: the names as a file that other programs read.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "agent/client/console.h"
#include "agent/client/language.h"
#include "agent/commands/endpoint_command.h"
#include "agent/commands/publish_command.h"
#include "agent/config/paths.h"
#include "agent/discovery/remembered.h"
#include "agent/text/terminal.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using publish::Form;

constexpr std::size_t kMaxFile = 4u << 20;

class FileRun {
  public:
    FileRun(const PublishFileCommand& command, const Config& config)
        : command_(command),
          config_(config),
          name_(command.form == Form::kDnsEndpoint ? "publish external-dns" : "publish file"),
          to_file_(!command.to.empty() && command.to != "-") {}

    int run() {
        if (to_file_) {
            if (const auto problem = read_existing()) return fail(*problem);
        }
        if (command_.common.undo) return undo();
        const auto now = names_to_publish(name_, config_, command_.common, interruptible_);
        if (!now) return fail(now.error());
        collect(*now);
        if (const core::Message problem = would_lose(); !problem.empty()) {
            return fail({Code::kApiRejected, problem,
                         "the file is left as it is: see what was said above, or publish the other links by name", 0});
        }
        if (names_.empty()) {
            return fail({Code::kApiRejected, "no address is known, so nothing is written",
                         "see what was said above of each link", 0});
        }
        const std::string text = publish::document(command_.form, names_, changed_us(), options());
        if (!to_file_) {
            print(text);
            return code();
        }
        if (text == existing_) return end(core::message("{} is as it should be", command_.to), "is as it should be");
        if (command_.common.dry_run) {
            print(text);
            return end(core::message("{} would be written", command_.to), "would be written");
        }
        if (auto written = core::write_file(command_.to, core::as_bytes(text), 0644, true); !written)
            return fail(written.error());
        return end(core::message("{} is written", command_.to), "is written");
    }

  private:
    std::optional<core::Error> read_existing() {
        auto found = core::read_file(command_.to, kMaxFile);
        if (!found && found.error().code == Code::kFileMissing) return std::nullopt;
        if (!found) return found.error();
        existing_ = std::move(*found);
        if (core::trimmed(existing_).empty() || publish::is_ours(command_.form, existing_)) return std::nullopt;
        return core::Error{Code::kRefused,
                           core::message("{} is there, and postern publish did not write it in this form", command_.to),
                           "give another path, or move that file away", 0};
    }

    int undo() {
        if (!to_file_) return fail({Code::kUsage, "--undo deletes a file", "give it with --to FILE", 0});
        if (existing_.empty()) return end(core::message("{} is not there", command_.to), "is not there");
        if (command_.common.dry_run) return end(core::message("{} would be deleted", command_.to), "would be deleted");
        if (::unlink(command_.to.c_str()) != 0 && errno != ENOENT)
            return fail({Code::kFileWrite, core::message("cannot delete {}", command_.to), "", errno});
        return end(core::message("{} is deleted", command_.to), "is deleted");
    }

    /// What is known; the last good addresses where a source can't be asked.
    void collect(const std::vector<PublishedNow>& now) {
        std::optional<Snapshot> saved;
        for (const auto& name : now) {
            EndpointSet addresses = name.answer;
            if (!name.addresses) {
                if (!saved) saved = load_remembered(paths_of(config_.agent), config_).snapshot;
                addresses = remembered_addresses(*saved, config_, *name.link).addresses;
                const core::Message why = name.addresses.error().whole();
                complain(name_, addresses.empty()
                                    ? core::message("{}: {}: no address is known", name.link->name, why)
                                    : core::message("{}: {}: the last known addresses are used", name.link->name, why));
                worst_ = kExitWarning;
            }
            if (!name.explain.empty()) complain(name_, core::message("{}: {}", name.link->name, name.explain));
            if (addresses.empty()) {
                missing_.push_back(name.link->host);
            } else {
                names_.push_back({name.link->name, name.link->host, std::move(addresses)});
            }
        }
    }

    /// A name that the file has and that would be gone; "" if none would.
    core::Message would_lose() const {
        for (const auto& host : missing_) {
            if (publish::mentions(existing_, host))
                return core::message("no address of {} is known, and the file has some", host);
        }
        return "";
    }

    publish::DocumentOptions options() const { return {ttl_of(command_.common), command_.object_name, command_.space}; }

    /// Of the file if its addresses are the same, else now.
    Micros changed_us() const {
        const Micros before = publish::changed_in(command_.form, existing_);
        const bool same = before > 0 && publish::document(command_.form, names_, before, options()) == existing_;
        return same ? before : core::now_wall_us();
    }

    int code() const { return missing_.empty() ? worst_ : kExitFailed; }

    /// `what`: the end of the sentence, in JSON.
    int end(const core::Message& sentence, const char* what) const {
        if (command_.common.json) {
            Json names = Json::array();
            for (const auto& name : names_)
                names.push_back({{"link", name.link}, {"name", name.host}, {"addresses", name.addresses.size()}});
            print_json({{"file", command_.to},
                        {"what", what},
                        {"dry_run", command_.common.dry_run},
                        {"undo", command_.common.undo},
                        {"names", names},
                        {"missing", missing_}});
        } else {
            const std::string line = printable(told(sentence)) + "\n";
            if (command_.common.dry_run) {
                print_note(line);
            } else {
                print(line);
            }
        }
        return code();
    }

    int fail(const core::Error& error) const {
        if (command_.common.json) print_json({{"error", error_json(error, ApiError{})}});
        tell_failure(name_, error);
        return error.code == Code::kUsage || error.code == Code::kCancelled ? kExitUnknown : kExitFailed;
    }

    const PublishFileCommand& command_;
    const Config& config_;
    Interruptible interruptible_;
    std::string name_;
    bool to_file_;
    std::string existing_;
    std::vector<publish::PublishedName> names_;
    std::vector<std::string> missing_;
    int worst_ = kExitGood;
};

}  // namespace

int run_command(const PublishFileCommand& command) {
    const auto config = config_or_complain("publish", command.common.config);
    if (!config) return kExitUnknown;
    core::configure_log(core::Level::kWarning, core::LogFormat::kText);
    return FileRun(command, *config).run();
}

}  // namespace postern::agent
