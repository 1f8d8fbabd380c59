// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/comparison.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "core/log.h"

namespace postern::agent {

using core::Micros;

namespace {

constexpr std::size_t kPrivateTotals = 64;  // the last minutes, for the median
constexpr std::size_t kPublicTotals = 16;

/// The last totals of good attempts.
class Totals {
  public:
    explicit Totals(std::size_t limit) : limit_(limit) {}
    void add(Micros total) {
        if (values_.size() < limit_) {
            values_.push_back(total);
        } else {
            values_[next_++ % limit_] = total;
        }
    }
    std::optional<Micros> median() const {
        if (values_.empty()) return std::nullopt;
        std::vector<Micros> sorted = values_;
        const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
        std::nth_element(sorted.begin(), middle, sorted.end());
        return *middle;
    }

  private:
    std::size_t limit_, next_ = 0;
    std::vector<Micros> values_;
};

bool fails(PrivateView view) {
    return view == PrivateView::kPathDown || view == PrivateView::kServiceDown;
}

}  // namespace

/// The comparison of one link.
class Comparisons::One {
  public:
    One(Comparisons& all, CompareSettings settings)
        : all_(all), settings_(std::move(settings)), timer_(all.clock_), alive_(std::make_shared<bool>(true)) {
        status_.host = settings_.host;
        status_.port = settings_.port;
        status_.interval_us = settings_.interval_us;
        judge_comparison(status_);
    }
    ~One() { *alive_ = false; }

    bool is_for(const CompareSettings& other) const {
        return settings_.host == other.host && settings_.port == other.port;
    }
    void change(CompareSettings settings) {
        settings_ = std::move(settings);
        status_.interval_us = settings_.interval_us;
    }
    const CompareStatus& status() const { return status_; }

    void add_private(Micros total) {
        private_totals_.add(total);
        status_.private_median_us = private_totals_.median();
        judge_comparison(status_);
    }

    void set_private(PrivateView view, std::vector<core::IpAddress> addresses) {
        addresses_ = std::move(addresses);
        if (view == status_.view) return;
        const bool first = status_.view == PrivateView::kUnknown && status_.at_wall_us == 0;
        status_.view = view;
        status_.fresh = false;
        const bool public_failed = status_.at_wall_us != 0 && !(status_.last && status_.last->ok);
        const bool news = first || fails(view) || (view == PrivateView::kWorks && public_failed);
        if (all_.started_ && view != PrivateView::kUnknown && news) run_soon();
        judge();
    }

    /// Now, or one minute after the last one.
    void run_soon() {
        const Micros now = all_.clock_.mono_us();
        const Micros due = began_us_ == 0 ? now : std::max(now, began_us_ + kMinBetween);
        if (due_us_ != 0 && due_us_ <= due) return;
        run_at(due);
    }

    void stop() {
        timer_.stop();
        due_us_ = 0;
        run_.reset();
        resolving_ = 0;
    }

  private:
    void run_at(Micros due) {
        due_us_ = due;
        timer_.start_at(due, [this] { run(); });
    }

    /// ±10 %: hosts that were started together do not ask in step.
    void plan_next() {
        const auto tenth = static_cast<std::uint64_t>(settings_.interval_us / 10);
        run_at(all_.clock_.mono_us() + settings_.interval_us - static_cast<Micros>(tenth) +
               static_cast<Micros>(all_.random_.below(2 * tenth + 1)));
    }

    void run() {
        due_us_ = 0;
        plan_next();
        if (run_ || resolving_ != 0) return;  // the running one covers this request, too
        ++status_.attempts;
        began_us_ = all_.clock_.mono_us();
        asked_view_ = status_.view;
        const std::uint64_t number = resolving_ = ++lookups_;
        all_.lookup_.resolve(settings_.host, [this, number, alive = alive_](const core::Result<LookupResult>& found) {
            if (*alive && number == resolving_) resolved(found);
        });
    }

    void resolved(const core::Result<LookupResult>& found) {
        resolving_ = 0;
        if (!found) return not_asked(found.error());
        const auto is_private = [this](const core::IpAddress& ip) {
            return std::find(addresses_.begin(), addresses_.end(), ip) != addresses_.end();
        };
        const auto ip = std::find_if_not(found->addresses.begin(), found->addresses.end(), is_private);
        status_.addresses.clear();
        std::remove_copy_if(found->addresses.begin(), found->addresses.end(), std::back_inserter(status_.addresses),
                            is_private);
        if (ip == found->addresses.end()) {
            return not_asked({core::Code::kUsage, "its name leads to the private addresses",
                              "give the public gateway's name as [[link]] compare", 0});
        }
        auto spec = std::make_shared<probe::ProbeSpec>(*settings_.spec);
        spec->host = spec->server_name = settings_.host;
        spec->port = settings_.port;
        spec->ws = false;
        status_.ip = *ip;
        run_ = all_.launcher_.launch({settings_.link, *ip, "", "", std::move(spec)},
                                     [this](probe::ProbeResult result) { done(std::move(result)); });
    }

    void not_asked(core::Error error) {
        ++status_.failures;
        status_.lookup_error = std::move(error);
        status_.last.reset();
        finish();
    }

    void done(probe::ProbeResult result) {
        run_.reset();
        status_.lookup_error.reset();
        if (result.ok) public_totals_.add(result.total_us);
        if (!result.ok && result.reason != probe::Reason::kTokenMissing) ++status_.failures;
        status_.public_median_us = public_totals_.median();
        // Any HTTP reply shows that the internet is reachable.
        if (result.ok || result.http_status) status_.reached_before = true;
        status_.last = std::move(result);
        finish();
    }

    void finish() {
        status_.at_wall_us = all_.clock_.wall_us();
        // The result is compared with the private state at the time of the request.
        status_.fresh = asked_view_ == status_.view;
        judge();
        if (!status_.fresh && fails(status_.view)) run_soon();
    }

    void judge() {
        const Comparison before = status_.finding;
        judge_comparison(status_);
        if (status_.finding == before || status_.finding == Comparison::kUnknown || status_.finding == told_) return;
        told_ = status_.finding;
        const bool good = told_ == Comparison::kBothWork;
        core::log(
            good ? core::Level::kInfo : core::Level::kWarning, "comparison_changed", status_.text,
            {{"link", settings_.link}, {"gateway", status_.gateway()}, {"finding", std::string(to_string(told_))}});
    }

    Comparisons& all_;
    CompareSettings settings_;
    CompareStatus status_;
    Totals private_totals_{kPrivateTotals}, public_totals_{kPublicTotals};
    std::vector<core::IpAddress> addresses_;
    PrivateView asked_view_ = PrivateView::kUnknown;
    Comparison told_ = Comparison::kUnknown;
    Micros began_us_ = 0;  // start of the last one; 0: none yet
    Micros due_us_ = 0;    // time of the next one; 0: none
    std::uint64_t lookups_ = 0, resolving_ = 0;
    core::Timer timer_;
    std::shared_ptr<bool> alive_;
    std::unique_ptr<probe::RunningProbe> run_;
};

Comparisons::Comparisons(core::Clock& clock, core::Random& random, probe::ProbeLauncher& launcher, Lookup& lookup)
    : clock_(clock), random_(random), launcher_(launcher), lookup_(lookup) {}
Comparisons::~Comparisons() = default;

void Comparisons::configure(std::vector<CompareSettings> settings) {
    std::map<std::string, std::unique_ptr<One>> kept;
    for (CompareSettings& s : settings) {
        const auto known = links_.find(s.link);
        const std::string link = s.link;
        if (known != links_.end() && known->second->is_for(s)) {
            known->second->change(std::move(s));
            kept[link] = std::move(known->second);
        } else {
            kept[link] = std::make_unique<One>(*this, std::move(s));
        }
    }
    links_ = std::move(kept);
}

void Comparisons::start() {
    started_ = true;
    for (auto& [link, one] : links_) {
        if (one->status().view != PrivateView::kUnknown) one->run_soon();
    }
}

void Comparisons::stop() {
    started_ = false;
    for (auto& [link, one] : links_)
        one->stop();
}

void Comparisons::set_private(const std::string& link, PrivateView view, std::vector<core::IpAddress> addresses) {
    if (const auto found = links_.find(link); found != links_.end())
        found->second->set_private(view, std::move(addresses));
}

void Comparisons::add_private(const probe::ProbeResult& result) {
    if (!result.ok) return;
    if (const auto found = links_.find(result.link); found != links_.end()) found->second->add_private(result.total_us);
}

const CompareStatus* Comparisons::find(const std::string& link) const {
    const auto found = links_.find(link);
    return found == links_.end() ? nullptr : &found->second->status();
}

}  // namespace postern::agent
