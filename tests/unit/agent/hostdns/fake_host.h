// SPDX-License-Identifier: Apache-2.0
// A host in memory: files, processes, and the programs that own DNS, as far as the takeover uses them. It can be
// killed before or behind any change, as by a power cut: what runs only in memory is gone then, files stay.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "agent/hostdns/changes.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/own_interface.h"

namespace postern::test {

struct Killed {};  // thrown where the process would have been killed

class FakeHost final : public agent::HostSystem {
  public:
    using FileState = agent::FileState;

    // --- building it
    FakeHost& with_file(const std::string& path, std::string text, mode_t mode = 0644) {
        files[path] = FileState::file(std::move(text));
        files[path].mode = mode;
        return *this;
    }
    FakeHost& with_link(const std::string& path, std::string target) {
        FileState link;
        link.kind = FileState::Kind::kLink;
        link.content = std::move(target);
        link.mode = 0777;
        files[path] = std::move(link);
        return *this;
    }
    FakeHost& with_process(const std::string& name) {
        processes.insert(name);
        return *this;
    }

    std::map<std::string, FileState> files;
    std::vector<core::IpAddress> own_addresses;
    std::set<std::string> processes, programs, mounts, immutable, read_only;
    std::string nm_mode, nm_rc_manager;  // as it says on D-Bus
    std::string nm_text;                 // what NetworkManager writes into resolv.conf
    bool link_up = false;                // postern0
    std::string link_dns, link_domains;
    bool knows_delegates = false;                // resolved of systemd >= 258
    std::string delegate_dns, delegate_domains;  // as loaded; "" without one
    std::string dnssec = "no";
    int resolved_version = 252;
    bool broken_nmcli = false;
    bool disabled_units = false;                     // by systemctl disable
    std::function<void(const agent::Argv&)> on_act;  // what else a command brings about

    int changes = 0;
    int kill_before = -1, kill_after = -1;  // the n-th change, from 1
    std::vector<std::string> ran;

    // --- HostSystem
    core::Result<FileState> look(const std::string& path) const override {
        const auto it = files.find(path);
        return it == files.end() ? FileState{} : it->second;
    }
    std::optional<std::string> read(const std::string& path) const override {
        const auto it = files.find(resolve(path));
        if (it == files.end() || it->second.kind != FileState::Kind::kFile) return std::nullopt;
        return it->second.content;
    }
    std::string real_path(const std::string& path) const override {
        const std::string end = resolve(path);
        if (files.count(end) != 0) return end;
        const auto below = files.lower_bound(end + "/");  // a folder
        return below != files.end() && below->first.rfind(end + "/", 0) == 0 ? end : "";
    }
    std::vector<std::string> list(const std::string& folder) const override {
        std::set<std::string> names;
        for (auto it = files.lower_bound(folder + "/"); it != files.end() && it->first.rfind(folder + "/", 0) == 0;
             ++it) {
            const std::string rest = it->first.substr(folder.size() + 1);
            names.insert(rest.substr(0, rest.find('/')));
        }
        return {names.begin(), names.end()};
    }
    bool program_exists(const std::string& name) const override { return programs.count(name) != 0; }
    bool process_runs(const std::string& name) const override { return processes.count(name) != 0; }
    bool is_mount_point(const std::string& path) const override { return mounts.count(path) != 0; }
    bool is_immutable(const std::string& path) const override { return immutable.count(path) != 0; }
    bool is_read_only(const std::string& folder) const override { return read_only.count(folder) != 0; }

    std::vector<core::IpAddress> addresses() const override { return own_addresses; }

    agent::CommandResult ask(const agent::Argv& argv) const override {
        if (argv[0] == "busctl" && argv.back() == "ListDelegates") return {knows_delegates ? 0 : 1, ""};
        if (argv[0] == "busctl" && argv.back() == "DNSSEC") return {0, "s \"" + dnssec + "\"\n"};
        if (argv[0] == "busctl") {
            const std::string value = argv.back() == "Mode" ? nm_mode : nm_rc_manager;
            return value.empty() ? agent::CommandResult{1, "no such property"}
                                 : agent::CommandResult{0, "s \"" + value + "\"\n"};
        }
        if (argv[0] == "systemctl" && argv[1] == "is-enabled") return {disabled_units ? 1 : 0, ""};
        if (argv[0] == "resolvconf")
            return {0, programs.count("openresolv") != 0 ? "openresolv 3.12.0\n" : "unknown option\n"};
        if (argv[0] == "resolvectl" && argv[1] == "--version")
            return {
                0, "systemd " + std::to_string(resolved_version) + " (" + std::to_string(resolved_version) + ".3-7)\n"};
        if (argv[0] == "resolvectl" && argv.size() == 3) {
            if (!link_up) return {1, "Failed to resolve interface"};
            return {0, "Link 7 (postern0): " + (argv[1] == "dns" ? link_dns : link_domains) + "\n"};
        }
        if (argv[0] == "resolvectl" && argv.size() == 2 && knows_delegates) {
            const bool dns = argv[1] == "dns";
            const std::string ours = dns ? delegate_dns : delegate_domains;
            return {0, std::string("Global:\nLink 2 (eth0): ") + (dns ? "10.0.0.1" : "lab.example") +
                           (delegate_dns.empty() ? "" : "\nDelegate postern: " + ours) + "\nDelegate z: ~z.example\n"};
        }
        return {0, ""};
    }

    core::Result<void> put(const std::string& path, const FileState& state) override {
        before_change();
        if (read_only.count("/etc") != 0 && path.rfind("/etc/", 0) == 0) {
            return core::fail(core::Code::kFileWrite, "cannot write " + path, {}, EROFS);
        }
        if (state.kind == FileState::Kind::kAbsent) {
            files.erase(path);
        } else {
            files[path] = state;
        }
        after_change();
        return {};
    }

    agent::CommandResult act(const agent::Argv& argv, const std::string& input) override {
        before_change();
        const auto result = obey(argv, input);
        if (on_act) on_act(argv);
        after_change();
        return result;
    }

    /// What runs only in memory is lost, the rest comes up again.
    void reboot() {
        link_up = false;
        for (auto it = files.begin(); it != files.end();)
            it = it->first.rfind("/run/", 0) == 0 && it->first.find(agent::kRecord) != std::string::npos
                     ? files.erase(it)
                     : std::next(it);
        regenerate();
        networkd_reload();
        resolved_reload();
        nm_write();
    }

    /// What every program would ask: the servers of resolv.conf, and of resolved's links where it asks that.
    bool reaches(const core::IpAddress& server, const std::string& name) const {
        const auto conf = agent::ResolvConf::parse(read(agent::kResolvConf).value_or(""));
        if (!conf.servers.empty() && conf.servers.front().ip == server) return true;
        const auto leads = [&](const std::string& dns, const std::string& domains) {
            std::istringstream words(domains);
            const bool asks = dns == server.text() || dns == core::kOwnInterface;
            for (std::string word; asks && words >> word;) {
                if (word == "~." || word == "~" + name) return true;
            }
            return false;
        };
        return (link_up && leads(link_dns, link_domains)) || leads(delegate_dns, delegate_domains);
    }

  private:
    std::string resolve(std::string path) const {
        for (int hops = 0; hops < 8; ++hops) {
            const auto it = files.find(path);
            if (it == files.end() || it->second.kind != FileState::Kind::kLink) return path;
            const std::string& target = it->second.content;
            path = target.rfind("../", 0) == 0 ? target.substr(2) : target;  // /etc/resolv.conf → ../run/…
        }
        return path;
    }
    void before_change() {
        ++changes;
        if (changes == kill_before) throw Killed{};
    }
    void after_change() {
        if (changes == kill_after) throw Killed{};
    }

    agent::CommandResult obey(const agent::Argv& argv, const std::string& input);
    void networkd_reload();
    void resolved_reload();
    void nm_write();
    std::string records() const;
    void regenerate();
};

}  // namespace postern::test
