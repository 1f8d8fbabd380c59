// SPDX-License-Identifier: Apache-2.0
#include "agent/store/list_reply.h"

#include <charconv>
#include <optional>

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxDepth = 8, kMaxText = 4096;
constexpr std::string_view kBlanks = " \t\r\n";

/// The part of XML that stores write: elements with text, no document type, no CDATA. What is beyond it ends the reading.
class Elements {
  public:
    explicit Elements(std::string_view xml) : rest_(xml) {}

    enum class Step { kBegin, kEnd, kDone, kBroken };

    Step next() {
        if (closes_) {  // <Prefix/>
            closes_ = false;
            text_.clear();
            return Step::kEnd;
        }
        text_.clear();
        while (true) {
            const auto open = rest_.find('<');
            if (open == std::string_view::npos)
                return depth_ == 0 && began_ && rest_.find_first_not_of(kBlanks) == std::string_view::npos
                           ? Step::kDone
                           : Step::kBroken;
            if (!take_text(rest_.substr(0, open))) return Step::kBroken;
            const auto close = rest_.find('>', open);
            if (close == std::string_view::npos) return Step::kBroken;
            const std::string_view tag = rest_.substr(open + 1, close - open - 1);
            rest_.remove_prefix(close + 1);
            if (tag.starts_with('?') && !began_) continue;  // the declaration
            if (tag.empty() || tag.starts_with('!') || tag.starts_with('?')) return Step::kBroken;
            return tag.starts_with('/') ? end(tag.substr(1)) : begin(tag);
        }
    }

    /// Of the element that began or ended.
    std::string_view name() const { return name_; }
    /// Before the end of an element: since the last tag.
    const std::string& text() const { return text_; }
    std::size_t depth() const { return depth_; }

  private:
    Step begin(std::string_view tag) {
        if (depth_ == kMaxDepth || (began_ && depth_ == 0)) return Step::kBroken;
        closes_ = tag.ends_with('/');
        name_ = tag.substr(0, tag.find_first_of(" \t\r\n/"));
        if (name_.empty()) return Step::kBroken;
        began_ = true;
        open_[depth_++] = name_;
        if (closes_) --depth_;
        return Step::kBegin;
    }

    Step end(std::string_view tag) {
        name_ = tag.substr(0, tag.find_first_of(kBlanks));
        if (depth_ == 0 || open_[depth_ - 1] != name_) return Step::kBroken;
        --depth_;
        return Step::kEnd;
    }

    bool take_text(std::string_view raw) {
        while (!raw.empty()) {
            const auto amp = raw.find('&');
            text_ += raw.substr(0, amp);
            if (text_.size() > kMaxText) return false;
            if (amp == std::string_view::npos) return true;
            raw.remove_prefix(amp + 1);
            const auto end = raw.find(';');
            if (end == std::string_view::npos || end > 8) return false;
            const auto c = entity(raw.substr(0, end));
            if (!c) return false;
            text_ += *c;
            raw.remove_prefix(end + 1);
        }
        return true;
    }

    /// One byte: names of objects that are ours have no others.
    static std::optional<char> entity(std::string_view name) {
        if (name == "amp") return '&';
        if (name == "lt") return '<';
        if (name == "gt") return '>';
        if (name == "quot") return '"';
        if (name == "apos") return '\'';
        if (!name.starts_with('#')) return std::nullopt;
        name.remove_prefix(1);
        const int base = name.starts_with('x') ? 16 : 10;
        if (base == 16) name.remove_prefix(1);
        unsigned value = 0;
        const auto [at, ec] = std::from_chars(name.data(), name.data() + name.size(), value, base);
        if (ec != std::errc{} || at != name.data() + name.size() || value == 0) return std::nullopt;
        return value < 0x80 ? static_cast<char>(value) : '?';
    }

    std::string_view rest_, name_;
    std::string_view open_[kMaxDepth];
    std::size_t depth_ = 0;
    std::string text_;
    bool began_ = false, closes_ = false;
};

core::Result<ListPage> bad(const char* what) {
    return core::fail(Code::kApiBadReply,
                      core::message("the store's list of objects can't be read: {}", core::Message(what)),
                      "something other than an object store answers there, or the reply was cut off");
}

bool take_size(const std::string& text, std::uint64_t& out) {
    const auto [at, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc{} && at == text.data() + text.size();
}

}  // namespace

core::Result<ListPage> read_list_reply(std::string_view xml) {
    if (xml.size() > kMaxListReply)
        return core::fail(Code::kTooLarge, "the store's list of objects is larger than 2 MiB",
                          "see what answers there: 1,000 names were asked for");
    ListPage page;
    ListedObject object;
    bool is_list = false, truncated = false, sized = false;
    Elements elements(xml);
    while (true) {
        const auto step = elements.next();
        const std::string_view name = elements.name();
        if (step == Elements::Step::kBroken) return bad("it is no whole XML document");
        if (step == Elements::Step::kDone) break;
        if (step == Elements::Step::kBegin) {
            if (name == "ListBucketResult") is_list = true;
            if (!is_list) return bad("it is no ListBucketResult");
            if (name == "Contents") {
                object = {};
                sized = false;
            }
            continue;
        }
        const std::string& text = elements.text();
        if (elements.depth() == 2) {
            if (name == "Key") object.key = text;
            if (name == "ETag") object.etag = text;
            if (name == "Size") {
                if (!take_size(text, object.size)) return bad("an object has no size");
                sized = true;
            }
        }
        if (elements.depth() != 1) continue;
        if (name == "IsTruncated") truncated = text == "true";
        if (name == "NextContinuationToken") page.next = text;
        if (name != "Contents") continue;
        if (object.key.empty() || !sized) return bad("an object has no name or no size");
        if (page.objects.size() == kMaxListedObjects) return bad("it has more than 1,000 objects");
        page.objects.push_back(object);
    }
    if (!truncated) page.next.clear();
    if (truncated && page.next.empty()) return bad("it does not say where the next page begins");
    return page;
}

}  // namespace postern::agent
