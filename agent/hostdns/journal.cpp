// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/text/json_view.h"
#include "agent/text/message_json.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::json_quote;

constexpr std::size_t kMaxBytes = 16u << 20;
constexpr std::size_t kMaxNames = 100000;

template <class E>
struct Word {
    E value;
    std::string_view text;
};
constexpr Word<TakeoverState> kStates[] = {
    {TakeoverState::kOff, "off"},
    {TakeoverState::kEnabling, "enabling"},
    {TakeoverState::kOn, "on"},
    {TakeoverState::kDisabling, "disabling"},
    {TakeoverState::kSuspended, "suspended"},
    {TakeoverState::kTruce, "truce"},
};
constexpr Word<LinkWay> kLinks[] = {{LinkWay::kNone, "none"},
                                    {LinkWay::kNetworkd, "networkd"},
                                    {LinkWay::kResolvectl, "resolvectl"},
                                    {LinkWay::kDelegate, "delegate"}};
constexpr Word<FileWay> kFiles[] = {{FileWay::kNone, "none"},
                                    {FileWay::kPlain, "file"},
                                    {FileWay::kNmUnmanaged, "networkmanager"},
                                    {FileWay::kNmDnsmasq, "networkmanager-dnsmasq"},
                                    {FileWay::kResolvconf, "resolvconf"},
                                    {FileWay::kOpenresolv, "openresolv"},
                                    {FileWay::kDhclient, "dhclient"}};
constexpr Word<FileState::Kind> kKinds[] = {
    {FileState::Kind::kAbsent, "absent"}, {FileState::Kind::kFile, "file"}, {FileState::Kind::kLink, "link"}};

template <class E, std::size_t N>
std::string_view text_of(const Word<E> (&words)[N], E value) {
    for (const auto& word : words) {
        if (word.value == value) return word.text;
    }
    return "?";
}

template <class E, std::size_t N>
bool read_word(const Word<E> (&words)[N], const JsonView& v, E* out) {
    const std::string text = v.text();
    for (const auto& word : words) {
        if (word.text == text) {
            *out = word.value;
            return true;
        }
    }
    return false;
}

bool read_owner(const JsonView& v, Owner* out) {
    const std::string text = v.text();
    for (int i = 0; i <= static_cast<int>(Owner::kNobody); ++i) {
        if (text == to_string(static_cast<Owner>(i))) {
            *out = static_cast<Owner>(i);
            return true;
        }
    }
    return false;
}

/// Text files are stored as text, others as hex, so that every byte can be restored.
bool is_plain_text(std::string_view bytes) {
    for (const char c : bytes) {
        const auto u = static_cast<unsigned char>(c);
        if (u >= 0x7f || (u < 0x20 && c != '\n' && c != '\t')) return false;
    }
    return true;
}

bool unhex(std::string_view text, std::string* out) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    if (text.size() % 2 != 0) return false;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = digit(text[i]), low = digit(text[i + 1]);
        if (high < 0 || low < 0) return false;
        out->push_back(static_cast<char>(high << 4 | low));
    }
    return true;
}

std::string bytes_json(std::string_view bytes) {
    return is_plain_text(bytes) ? "\"text\":" + json_quote(bytes)
                                : "\"hex\":\"" + core::hex(core::as_bytes(bytes)) + "\"";
}

bool read_bytes(const JsonView& v, std::string* out) {
    if (const std::string text = v.at("hex").text(); !text.empty()) return unhex(text, out);
    *out = v.at("text").text();
    return true;
}

std::string state_json(const FileState& s) {
    if (s.kind == FileState::Kind::kAbsent) return R"({"kind":"absent"})";
    return fmt::format(R"({{"kind":"{}",{},"mode":"{:04o}","uid":{},"gid":{},"selinux":{}}})", text_of(kKinds, s.kind),
                       bytes_json(s.content), static_cast<unsigned>(s.mode), s.uid, s.gid, json_quote(s.selinux));
}

bool read_state(const JsonView& v, FileState* s) {
    if (!read_word(kKinds, v.at("kind"), &s->kind)) return false;
    if (s->kind == FileState::Kind::kAbsent) return true;
    const auto uid = v.at("uid").integer(), gid = v.at("gid").integer();
    const std::string mode = v.at("mode").text();
    if (!uid || !gid || mode.empty() || mode.size() > 5 || mode.find_first_not_of("01234567") != mode.npos)
        return false;
    s->uid = static_cast<uid_t>(*uid);
    s->gid = static_cast<gid_t>(*gid);
    s->mode = static_cast<mode_t>(std::stoul(mode, nullptr, 8)) & 07777;
    s->selinux = v.at("selinux").text();
    return read_bytes(v, &s->content);
}

std::string times_json(const std::vector<core::Micros>& times) {
    std::string out;
    for (const auto t : times)
        out += (out.empty() ? "" : ",") + json_quote(core::format_utc(t));
    return "[" + out + "]";
}

bool read_times(const JsonView& v, std::vector<core::Micros>* out) {
    for (const auto& item : v.items()) {
        const core::Micros t = core::parse_utc(item.text());
        if (t < 0) return false;
        out->push_back(t);
    }
    return true;
}

std::string earlier_json(const std::vector<EarlierFile>& files) {
    std::string out;
    for (const auto& file : files) {
        out += fmt::format("{}\n  {{\"before\":{},\n   \"kept\":{{{}}}}}", out.empty() ? "" : ",",
                           state_json(file.before), bytes_json(file.kept));
    }
    return "[" + out + "]";
}

bool read_earlier(const JsonView& v, std::vector<EarlierFile>* out) {
    for (const auto& item : v.items()) {
        EarlierFile file;
        if (out->size() == kMaxEarlier || !read_state(item.at("before"), &file.before) ||
            !read_bytes(item.at("kept"), &file.kept))
            return false;
        out->push_back(std::move(file));
    }
    return true;
}

std::string target_json(const Target& t) {
    std::string names;
    for (const auto& name : t.names)
        names += (names.empty() ? "" : ",") + json_quote(name);
    return fmt::format(R"({{"listen":{},"names":[{}],"second":{},"kept":{{{}}}}})", json_quote(t.listen.text()), names,
                       json_quote(t.second ? t.second->text() : ""), bytes_json(t.kept));
}

bool read_target(const JsonView& v, Target* t) {
    const auto listen = core::SocketAddress::parse(v.at("listen").text(), 53);
    if (!listen) return false;
    t->listen = *listen;
    for (const auto& name : v.at("names").items()) {
        if (t->names.size() == kMaxNames) return false;
        t->names.push_back(name.text());
    }
    if (const std::string second = v.at("second").text(); !second.empty()) {
        t->second = core::IpAddress::parse(second);
        if (!t->second) return false;
    }
    return read_bytes(v.at("kept"), &t->kept);
}

std::string decision_json(const Decision& d) {
    // A program that knows no dhcpcd reads its leases as dhclient's.
    const bool dhcpcd = d.file == FileWay::kDhcpcd;
    const Owner owner = d.owner == Owner::kDhcpcd ? Owner::kDhclient : d.owner;
    return fmt::format(
        R"({{"line":{},"line_words":{},"owner":{},"mode":"{}","link":"{}","file":"{}","dummy_link":{},"tell_networkmanager":{},"in_place":{},"resolved_rereads":{},"dhcpcd":{},"asks_link":{}}})",
        json_quote(d.line), message_json(d.line), json_quote(to_string(owner)), to_string(d.mode),
        text_of(kLinks, d.link), text_of(kFiles, dhcpcd ? FileWay::kDhclient : d.file), d.dummy_link,
        d.tell_networkmanager, d.in_place, d.resolved_rereads, dhcpcd || d.owner == Owner::kDhcpcd, d.asks_link);
}

bool read_decision(const JsonView& v, Decision* d) {
    d->line = read_message(v.at("line_words"), v.at("line").text());
    d->dummy_link = v.at("dummy_link").boolean().value_or(false);
    d->tell_networkmanager = v.at("tell_networkmanager").boolean().value_or(false);
    d->asks_link = v.at("asks_link").boolean().value_or(false);
    d->in_place = v.at("in_place").boolean().value_or(false);
    d->resolved_rereads = v.at("resolved_rereads").boolean().value_or(false);
    const bool read = read_owner(v.at("owner"), &d->owner) && parse_mode(v.at("mode").text(), &d->mode) &&
                      d->mode != Mode::kAuto && read_word(kLinks, v.at("link"), &d->link) &&
                      read_word(kFiles, v.at("file"), &d->file);
    if (v.at("dhcpcd").boolean().value_or(false)) {
        d->owner = Owner::kDhcpcd;
        if (d->file == FileWay::kDhclient) d->file = FileWay::kDhcpcd;
    }
    return read;
}

/// nullopt also above kMaxBytes.
std::optional<std::string> read_all(int fd) {
    std::string text;
    char buffer[16 * 1024];
    for (;;) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || text.size() > kMaxBytes) return std::nullopt;
        if (n == 0) return text;
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

tl::unexpected<core::Error> corrupt(const core::Message& what) {
    return core::fail(Code::kFileCorrupt, what,
                      "look into the file; the host's own /etc/resolv.conf may stand in it under \"before\"");
}

}  // namespace

std::string_view to_string(TakeoverState state) {
    return text_of(kStates, state);
}

JournalEntry* Journal::find(std::string_view path) {
    for (auto& entry : entries) {
        if (entry.path == path) return &entry;
    }
    return nullptr;
}

std::string journal_json(const Journal& j) {
    std::string entries, hook;
    for (const auto& e : j.entries) {
        // Apart: a program that does not know its path would refuse the whole journal.
        std::string& to = e.path == kDhcpcdHook ? hook : entries;
        to += fmt::format("{}\n  {{\"path\":{},\n   \"before\":{},\n   \"after\":{}}}", to.empty() ? "" : ",",
                          json_quote(e.path), state_json(e.before), state_json(e.after));
    }
    const std::string body = fmt::format(
        "{{\"schema_version\":{},\"state\":\"{}\",\"since\":{},\"wanted\":\"{}\",\"wanted_second\":{},\"suspended_after\":{},\n \"decision\":{},\n \"target\":{},\n"
        " \"changes\":[{}],\n \"hooks\":[{}],\n \"earlier\":{},\n \"rewrites\":{},\"writer\":{},\"suspensions\":{},\"truces\":{},\"why\":{},\n \"why_words\":{}}}",
        kJournalVersion, to_string(j.state), json_quote(core::format_utc(j.since_wall_us)), to_string(j.wanted),
        j.wanted_second, j.suspended_after, decision_json(j.decision), target_json(j.target), entries, hook,
        earlier_json(j.earlier), times_json(j.rewrites), json_quote(j.writer), times_json(j.suspensions),
        times_json(j.truces), json_quote(j.why.text()), message_json(j.why));
    return fmt::format("{{\"crc64\":\"{:016x}\",\"hostdns\":\n{}\n}}\n", core::crc64(core::as_bytes(body)), body);
}

core::Result<Journal> parse_journal(std::string_view text) {
    const std::size_t start = text.find('\n');
    if (start == text.npos || text.size() < start + 4 || text.substr(text.size() - 3) != "\n}\n") {
        return corrupt("the journal is cut off");
    }
    const auto outer = JsonView::parse(text, kMaxBytes);
    const std::string_view body = text.substr(start + 1, text.size() - start - 4);
    if (!outer || outer->at("crc64").text() != fmt::format("{:016x}", core::crc64(core::as_bytes(body)))) {
        return corrupt("the journal is damaged: its checksum does not fit");
    }
    const JsonView v = outer->at("hostdns");
    if (const auto version = v.at("schema_version").integer().value_or(0); version != kJournalVersion) {
        return core::fail(
            Code::kFileCorrupt,
            core::message("the journal has version {}, this program reads {}", version, kJournalVersion),
            "install the postern that wrote it; or give the host its DNS back without it: postern dns disable");
    }
    Journal j;
    j.since_wall_us = core::parse_utc(v.at("since").text());
    j.writer = v.at("writer").text();
    j.why = read_message(v.at("why_words"), v.at("why").text());
    j.suspended_after = v.at("suspended_after").boolean().value_or(false);
    j.wanted_second = v.at("wanted_second").boolean().value_or(false);
    bool ok = read_word(kStates, v.at("state"), &j.state) && parse_mode(v.at("wanted").text(), &j.wanted) &&
              j.since_wall_us >= 0 && read_decision(v.at("decision"), &j.decision) &&
              read_target(v.at("target"), &j.target) && read_earlier(v.at("earlier"), &j.earlier) &&
              read_times(v.at("rewrites"), &j.rewrites) && read_times(v.at("suspensions"), &j.suspensions) &&
              read_times(v.at("truces"), &j.truces);
    auto items = v.at("hooks").items();
    for (const auto& item : v.at("changes").items())
        items.push_back(item);
    for (const auto& item : items) {
        JournalEntry e;
        e.path = item.at("path").text();
        ok = ok && may_change(e.path) && read_state(item.at("before"), &e.before) &&
             read_state(item.at("after"), &e.after);
        // Only resolv.conf existed before.
        ok = ok && (e.path == kResolvConf || e.before.kind == FileState::Kind::kAbsent);
        j.entries.push_back(std::move(e));
    }
    if (!ok) return corrupt("the journal says something that postern does not write");
    return j;
}

core::Result<Journal> JournalFile::load() const {
    // The folder belongs to an ordinary user, who may replace names at any moment: check and read the same open file.
    const core::UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR) return Journal{};
        return core::fail(Code::kFileUnreadable, core::message("cannot look at {}", path_), {}, errno);
    }
    struct stat st;
    if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || (st.st_mode & 022) != 0 ||
        (st.st_uid != 0 && st.st_uid != ::geteuid())) {
        return core::fail(Code::kPermission,
                          core::message("{} is not a file that only root can write: it is not believed", path_),
                          "see who changed it; postern dns disable sets it aside");
    }
    const auto text = read_all(fd.get());
    if (!text) return core::fail(Code::kFileUnreadable, core::message("cannot read {}", path_), {}, errno);
    auto journal = parse_journal(*text);
    if (!journal) journal.error().what = core::message("{} ({})", journal.error().what, path_);
    return journal;
}

core::Result<void> JournalFile::save(const Journal& journal) const {
    const std::string text = journal_json(journal);
    auto written = core::write_file(path_, core::as_bytes(text), 0644, true);
    if (written) maybe_stop_after_change();
    return written;
}

core::Result<void> JournalFile::set_aside() const {
    if (::rename(path_.c_str(), (path_ + ".refused").c_str()) != 0 && errno != ENOENT) {
        return core::fail(Code::kFileWrite, core::message("cannot rename {}", path_), {}, errno);
    }
    return {};
}

core::Result<void> JournalFile::remove() const {
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
        return core::fail(Code::kFileWrite, core::message("cannot remove {}", path_), {}, errno);
    }
    maybe_stop_after_change();
    return {};
}

}  // namespace postern::agent
