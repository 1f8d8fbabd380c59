#include "agent/cloud/aliyun_privatelink.h"

#include <map>
#include <set>
#include <utility>

#include "agent/cloud/aliyun_reply.h"

namespace postern::agent {
namespace {

using core::Code;

const AliyunProduct kProduct{"privatelink", "2020-04-15"};
constexpr const char* kPageSize = "50";      // the largest that every document and gateway accepts
constexpr std::size_t kMaxPages = 40;
constexpr std::size_t kMaxZones = 1000;

std::string resource_of(const std::string& endpoint) { return "endpoint " + endpoint; }

}  // namespace

struct AliyunPrivatelink::Engine : std::enable_shared_from_this<Engine> {
    /// One describe_endpoint(): the attributes, then the zones page by page.
    struct Description {
        EndpointReport report;
        std::set<std::string> tokens;  // seen; a repeated one would page for ever
        Callback done;
    };

    bool closed = false;
    AliyunApi api;
    std::map<std::uint64_t, Description> running;
    std::uint64_t next_id = 1;

    template <class... Args>
    explicit Engine(Args&&... args) : api(std::forward<Args>(args)...) {}

    template <class Then>
    AliyunApi::Callback guarded(std::uint64_t id, Then then) {
        return [weak = weak_from_this(), id, then](core::Result<JsonView> reply) {
            const auto self = weak.lock();
            if (!self || self->closed) return;
            const auto it = self->running.find(id);
            if (it == self->running.end()) return;
            if (!reply) return self->finish(id, core::fail(std::move(reply.error())));
            then(*self, id, it->second, *reply);
        };
    }

    void finish(std::uint64_t id, core::Result<EndpointReport> result) {
        auto node = running.extract(id);
        if (!node.empty()) node.mapped().done(std::move(result));
    }
    void bad(std::uint64_t id, const std::string& action, const core::Error& error) {
        finish(id, core::fail(Code::kApiBadReply, action + ": " + error.what,
                              "the API changed or something else answers; what is known stays in use"));
    }

    void describe(std::uint64_t id, const std::string& endpoint) {
        api.call(kProduct, "GetVpcEndpointAttribute", {{"EndpointId", endpoint}}, resource_of(endpoint),
                 guarded(id, [endpoint](Engine& self, std::uint64_t i, Description& d, const JsonView& reply) {
                     auto report = read_endpoint_attribute(reply);
                     if (!report) return self.bad(i, "GetVpcEndpointAttribute", report.error());
                     if (report->endpoint_id != endpoint) {
                         return self.bad(i, "GetVpcEndpointAttribute",
                                         core::Error{Code::kApiBadReply, "a reply about another endpoint", {}, 0});
                     }
                     d.report = std::move(*report);
                     self.next_page(i, endpoint, "");
                 }));
    }

    void next_page(std::uint64_t id, const std::string& endpoint, const std::string& token) {
        NameValues parameters{{"EndpointId", endpoint}, {"MaxResults", kPageSize}};
        if (!token.empty()) parameters.emplace_back("NextToken", token);
        api.call(kProduct, "ListVpcEndpointZones", std::move(parameters), resource_of(endpoint),
                 guarded(id, [endpoint](Engine& self, std::uint64_t i, Description& d, const JsonView& reply) {
                     auto page = read_zones_page(reply);
                     if (!page) return self.bad(i, "ListVpcEndpointZones", page.error());
                     self.page_came(i, endpoint, d, std::move(*page));
                 }));
    }

    void page_came(std::uint64_t id, const std::string& endpoint, Description& d, ZonesPage page) {
        d.report.request_id = page.request_id;
        for (auto& zone : page.zones) d.report.zones.push_back(std::move(zone));
        if (page.next_token.empty()) {
            auto report = std::move(d.report);
            return finish(id, std::move(report));
        }
        const bool repeated = !d.tokens.insert(page.next_token).second;
        if (repeated || d.tokens.size() > kMaxPages || d.report.zones.size() > kMaxZones) {
            return bad(id, "ListVpcEndpointZones",
                       core::Error{Code::kApiBadReply, repeated ? "its pages repeat without end" : "too many pages", {}, 0});
        }
        next_page(id, endpoint, page.next_token);
    }
};

AliyunPrivatelink::AliyunPrivatelink(core::Clock& clock, core::Random& random, HttpTransport& http,
                                     CredentialChain& credentials, MetadataClient& metadata, AliyunOptions options)
    : engine_(std::make_shared<Engine>(clock, random, http, credentials, metadata, std::move(options))) {}

AliyunPrivatelink::~AliyunPrivatelink() { engine_->closed = true; }

void AliyunPrivatelink::configure(AliyunOptions options) { engine_->api.configure(std::move(options)); }

void AliyunPrivatelink::describe_endpoint(const std::string& endpoint_id, Callback done) {
    const auto keep = engine_;
    const std::uint64_t id = keep->next_id++;
    keep->running[id].done = std::move(done);
    keep->describe(id, endpoint_id);
}

RequestCounts AliyunPrivatelink::requests() const { return engine_->api.requests(); }
core::Micros AliyunPrivatelink::not_before_mono_us() const { return engine_->api.not_before_mono_us(); }
core::Micros AliyunPrivatelink::clock_offset_us() const { return engine_->api.clock_offset_us(); }
std::string AliyunPrivatelink::region() const { return engine_->api.region(); }

std::vector<std::string> AliyunPrivatelink::warnings() const {
    if (clock_offset_us() == 0) return {};
    return {"this host's clock is " + describe_clock_offset(clock_offset_us()) +
            " against the API's: fix NTP; requests carry the API's time meanwhile"};
}

}  // namespace postern::agent
