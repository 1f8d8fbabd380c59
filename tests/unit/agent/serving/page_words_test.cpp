// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_words.h"

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <string>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

using Words = std::array<std::string_view, sizeof(PageWords) / sizeof(std::string_view)>;

const PageWords& english() {
    return page_words("en");
}
const PageWords& chinese() {
    return page_words("zh");
}
Words all_of(const PageWords& words) {
    return std::bit_cast<Words>(words);
}
/// "{}" or "{1}"
std::size_t places(std::string_view text) {
    std::size_t n = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text.substr(i).starts_with("{}") ||
            (text[i] == '{' && i + 2 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '5' && text[i + 2] == '}'))
            ++n;
    return n;
}
std::size_t count(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
        ++n;
    return n;
}

}  // namespace

TEST_CASE("page words: every word is there in both languages, and is another one", "[page_words]") {
    const Words en = all_of(english()), zh = all_of(chinese());
    CHECK(english().language == "en");
    CHECK(chinese().language == "zh-CN");
    std::set<std::string_view> same;
    for (std::size_t i = 0; i < en.size(); ++i) {
        INFO(i << ": " << en[i] << " / " << zh[i]);
        CHECK_FALSE(en[i].empty());
        CHECK_FALSE(zh[i].empty());
        CHECK(std::all_of(en[i].begin(), en[i].end(), [](char c) { return c >= ' ' && c < 0x7f; }));
        if (en[i] == zh[i]) same.insert(en[i]);
    }
    CHECK(same == std::set<std::string_view>{"DNS", "SQL", "WebSocket", "p50", "p95"});
}

TEST_CASE("page words: both languages have the same places to fill, where the page fills them", "[page_words]") {
    for (const PageWords* words : {&english(), &chinese()}) {
        for (const auto one :
             {words->more_addresses, words->more_links, words->more_faults, words->resolver, words->no_resolver,
              words->failed_at, words->more_incidents, words->entries, words->no_list})
            CHECK(count(one, "{}") == 1);
        CHECK(count(words->about, "{}") == 2);
        CHECK(count(words->list, "{}") == 3);
        for (const auto one : {words->covered, words->failed_of}) {
            CHECK(count(one, "{0}") == 1);
            CHECK(count(one, "{1}") == 1);
        }
        CHECK(places(words->chart_summary) == 6);
        std::size_t all = 0;
        for (const auto word : all_of(*words)) {
            CHECK(count(word, "{") == places(word));
            CHECK(count(word, "}") == places(word));
            all += places(word);
        }
        CHECK(all == 24);
    }
}

TEST_CASE("page words: they are put into the page as they are, and hold nothing that it would read", "[page_words]") {
    for (const PageWords* words : {&english(), &chinese()}) {
        CHECK(count(words->resolver, "<code>{}</code>") == 1);
        CHECK(count(words->no_resolver, "<code>{}</code>") == 1);
        for (const auto word : all_of(*words)) {
            std::string text(word);
            if (const auto at = text.find("<code>{}</code>"); at != std::string::npos) text.erase(at, 15);
            INFO(word);
            CHECK(text.find_first_of("<>&\"'") == std::string::npos);
        }
    }
}

TEST_CASE("page words: each verdict and each state has its own word", "[page_words]") {
    for (const PageWords* words : {&english(), &chinese()}) {
        std::set<std::string_view> verdicts, states;
        for (const auto overall : {Overall::kGood, Overall::kDegraded, Overall::kFailed, Overall::kUnknown})
            verdicts.insert(words->of(overall));
        for (const auto state :
             {probe::State::kUp, probe::State::kDegraded, probe::State::kDown, probe::State::kUnknown})
            states.insert(words->of(state));
        CHECK(verdicts.size() == 4);
        CHECK(states.size() == 4);
        CHECK(words->of(Overall::kFailed) == words->failed);
        CHECK(words->of(probe::State::kDown) == words->down);
        CHECK(words->of(static_cast<Overall>(99)) == words->unknown);
        CHECK(words->of(static_cast<probe::State>(99)) == words->state_unknown);
    }
}

TEST_CASE("page words: the language that the browser likes better, English for everything else", "[page_words]") {
    using namespace std::string_view_literals;
    for (const auto header : {"zh"sv, "ZH-cn"sv, "zh-Hant-TW"sv, "fr, zh;q=0.1"sv, "en;q=0.5, zh"sv, "en;q=0.5,\tzh"sv,
                              "en;q=0.5 , zh;q=0.6"sv, "zh;q=9"sv, ",,zh,,"sv}) {
        INFO(header);
        CHECK(&page_words(header) == &chinese());
    }
    std::string long_header(1 << 20, ',');
    long_header += "fr;q=";
    long_header.append(1 << 20, '9');
    for (const auto header : {""sv, "en"sv, "fr"sv, "*"sv, "zh, en"sv, "zhx"sv, "z"sv, "x-zh"sv, "zh_CN"sv, "zh;q=0"sv,
                              "zh;q=-1"sv, "zh;q=nan"sv, "zh;q="sv, "zh;q=x"sv, "zh;q=0.5, en;q=0.50"sv, "\0zh"sv,
                              "\xff\xfe"sv, std::string_view(long_header)}) {
        INFO(header.substr(0, 40));
        CHECK(&page_words(header) == &english());
    }
}
