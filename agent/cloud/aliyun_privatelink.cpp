// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/aliyun_privatelink.h"

#include <map>
#include <set>
#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "agent/endpoint/endpoint_query.h"

namespace postern::agent {
namespace {

using core::Code;

const AliyunProduct kProduct{"privatelink", "2020-04-15"};
constexpr const char* kPageSize = "50";  // the largest that every document and gateway accepts
constexpr std::size_t kMaxPages = 40;
constexpr std::size_t kMaxZones = 1000;
constexpr std::size_t kMaxFound = 20;  // endpoints matched by one search; more means the search is too wide

std::string resource_of(const std::string& endpoint) {
    return "endpoint " + endpoint;
}

}  // namespace

struct AliyunPrivatelink::State : std::enable_shared_from_this<State> {
    /// One describe_endpoint(): the attributes of an endpoint, or a search for several; then the zones of each,
    /// page by page.
    struct Description {
        EndpointReport report;         // without zones at first; of a search, with its parts
        EndpointQuery query;           // of a search
        std::size_t at = 0;            // the part whose zones are being requested
        std::set<std::string> tokens;  // seen in this list; a repeated one would page forever
        Callback done;

        EndpointReport& current() { return report.search ? report.parts[at] : report; }
    };

    bool closed = false;
    AliyunApi api;
    MetadataClient& metadata;
    std::map<std::uint64_t, Description> running;
    std::uint64_t next_id = 1;

    State(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
          MetadataClient& m, AliyunOptions options)
        : api(clock, random, http, credentials, m, std::move(options)), metadata(m) {}

    /// A callback for asynchronous results: ignored after close or once the description has ended.
    template <class Result, class Then>
    std::function<void(Result)> guarded(std::uint64_t id, Then then) {
        return [weak = weak_from_this(), id, then](Result reply) {
            const auto self = weak.lock();
            if (!self || self->closed) return;
            const auto it = self->running.find(id);
            if (it != self->running.end()) then(*self, id, it->second, std::move(reply));
        };
    }
    template <class Then>
    AliyunApi::Callback replied(std::uint64_t id, Then then) {
        return guarded<core::Result<JsonView>>(
            id, [then](State& self, std::uint64_t i, Description& d, core::Result<JsonView> reply) {
                if (!reply) return self.finish(i, core::fail(std::move(reply.error())));
                then(self, i, d, *reply);
            });
    }

    void finish(std::uint64_t id, core::Result<EndpointReport> result) {
        auto node = running.extract(id);
        if (!node.empty()) node.mapped().done(std::move(result));
    }
    void bad(std::uint64_t id, const std::string& action, const core::Message& what) {
        finish(id, core::fail(Code::kApiBadReply, core::message("{}: {}", action, what),
                              "the API changed or something else answers"));
    }
    /// True if there is another page; an endless list fails the description.
    bool goes_on(std::uint64_t id, Description& d, const std::string& action, const std::string& token) {
        if (token.empty()) return false;
        const bool repeated = !d.tokens.insert(token).second;
        if (!repeated && d.tokens.size() <= kMaxPages) return true;
        bad(id, action, repeated ? "its pages repeat without end" : "too many pages");
        return false;
    }

    // --- one endpoint ------------------------------------------------------------------------------------------------

    void describe(std::uint64_t id, const std::string& endpoint) {
        api.call(kProduct, "GetVpcEndpointAttribute", {{"EndpointId", endpoint}}, resource_of(endpoint),
                 replied(id, [endpoint](State& self, std::uint64_t i, Description& d, const JsonView& reply) {
                     auto report = read_endpoint_attribute(reply);
                     if (!report) return self.bad(i, "GetVpcEndpointAttribute", report.error().what);
                     if (report->endpoint_id != endpoint) {
                         return self.bad(i, "GetVpcEndpointAttribute", "a reply about another endpoint");
                     }
                     d.report = std::move(*report);
                     self.zones_page(i, endpoint, "");
                 }));
    }

    // --- a search ----------------------------------------------------------------------------------------------------

    void find(std::uint64_t id, const EndpointQuery& query) {
        running.at(id).query = query;
        if (!query.vpc.empty()) return endpoints_page(id, query.vpc, "");
        metadata.identity(guarded<core::Result<InstanceIdentity>>(
            id, [](State& self, std::uint64_t i, Description&, core::Result<InstanceIdentity> identity) {
                if (identity && !identity->vpc.empty()) return self.endpoints_page(i, identity->vpc, "");
                const core::Message why =
                    identity ? core::Message("the metadata service does not give one") : identity.error().what;
                self.finish(i, core::fail(Code::kConfigBadValue,
                                          core::message("the VPC to look for endpoints in is not known: {}", why),
                                          "add vpc = \"vpc-…\" to the link's endpoint = { … }"));
            }));
    }

    void endpoints_page(std::uint64_t id, const std::string& vpc, const std::string& token) {
        Description& d = running.at(id);
        const std::string what = agent::describe(d.query, vpc);
        if (token.empty()) d.report = {.endpoint_id = what, .search = true, .region = api.region()};
        NameValues parameters{{"VpcId", vpc}, {"MaxResults", kPageSize}};
        if (!d.query.service.empty()) parameters.emplace_back("ServiceName", d.query.service);
        for (std::size_t i = 0; i < d.query.tags.size(); ++i) {
            const std::string tag = "Tag." + std::to_string(i + 1);
            parameters.emplace_back(tag + ".Key", d.query.tags[i].first);
            parameters.emplace_back(tag + ".Value", d.query.tags[i].second);
        }
        if (!token.empty()) parameters.emplace_back("NextToken", token);
        api.call(kProduct, "ListVpcEndpoints", std::move(parameters), what,
                 replied(id, [vpc](State& self, std::uint64_t i, Description& to, const JsonView& reply) {
                     self.endpoints_came(i, vpc, to, reply);
                 }));
    }

    void endpoints_came(std::uint64_t id, const std::string& vpc, Description& d, const JsonView& reply) {
        auto page = read_endpoints_page(reply, d.query, vpc);
        if (!page) return bad(id, "ListVpcEndpoints", page.error().what);
        d.report.request_id = page->request_id;
        for (auto& endpoint : page->endpoints)
            d.report.parts.push_back(std::move(endpoint));
        if (d.report.parts.size() > kMaxFound) {
            return finish(id, core::fail(Code::kApiRejected,
                                         core::message("more than {} endpoints match: {}", kMaxFound, title(d.report)),
                                         "name the service, or tag the ones that are meant"));
        }
        if (goes_on(id, d, "ListVpcEndpoints", page->next_token)) return endpoints_page(id, vpc, page->next_token);
        if (running.count(id) != 0) zones_of_part(id, d, 0);
    }

    void zones_of_part(std::uint64_t id, Description& d, std::size_t at) {
        d.at = at;
        d.tokens.clear();
        if (at < d.report.parts.size()) return zones_page(id, d.report.parts[at].endpoint_id, "");
        auto report = std::move(d.report);
        finish(id, std::move(report));
    }

    // --- zones -------------------------------------------------------------------------------------------------------

    void zones_page(std::uint64_t id, const std::string& endpoint, const std::string& token) {
        NameValues parameters{{"EndpointId", endpoint}, {"MaxResults", kPageSize}};
        if (!token.empty()) parameters.emplace_back("NextToken", token);
        api.call(kProduct, "ListVpcEndpointZones", std::move(parameters), resource_of(endpoint),
                 guarded<core::Result<JsonView>>(
                     id, [endpoint](State& self, std::uint64_t i, Description& d, core::Result<JsonView> reply) {
                         if (!reply && d.report.search && reply.error().code == Code::kApiNotFound) {
                             // Deleted after the search found it.
                             d.report.parts.erase(d.report.parts.begin() + static_cast<std::ptrdiff_t>(d.at));
                             return self.zones_of_part(i, d, d.at);
                         }
                         if (!reply) return self.finish(i, core::fail(std::move(reply.error())));
                         auto page = read_zones_page(*reply);
                         if (!page) return self.bad(i, "ListVpcEndpointZones", page.error().what);
                         self.zones_came(i, endpoint, d, std::move(*page));
                     }));
    }

    void zones_came(std::uint64_t id, const std::string& endpoint, Description& d, ZonesPage page) {
        EndpointReport& to = d.current();
        to.request_id = page.request_id;
        for (auto& zone : page.zones)
            to.zones.push_back(std::move(zone));
        if (to.zones.size() > kMaxZones) return bad(id, "ListVpcEndpointZones", "too many zones");
        if (goes_on(id, d, "ListVpcEndpointZones", page.next_token)) return zones_page(id, endpoint, page.next_token);
        if (running.count(id) == 0) return;
        if (d.report.search) return zones_of_part(id, d, d.at + 1);
        auto report = std::move(d.report);
        finish(id, std::move(report));
    }
};

AliyunPrivatelink::AliyunPrivatelink(core::Clock& clock, core::Random& random, HttpTransport& http,
                                     CredentialChain& credentials, MetadataClient& metadata, AliyunOptions options)
    : state_(std::make_shared<State>(clock, random, http, credentials, metadata, std::move(options))) {}

AliyunPrivatelink::~AliyunPrivatelink() {
    state_->closed = true;
}

void AliyunPrivatelink::configure(AliyunOptions options) {
    state_->api.configure(std::move(options));
}

void AliyunPrivatelink::describe_endpoint(const std::string& key, Callback done) {
    const auto keep = state_;
    const std::uint64_t id = keep->next_id++;
    keep->running[id].done = std::move(done);
    if (const auto query = parse_query_key(key)) return keep->find(id, *query);
    keep->describe(id, key);
}

RequestCounts AliyunPrivatelink::requests() const {
    return state_->api.requests();
}
core::Micros AliyunPrivatelink::not_before_mono_us() const {
    return state_->api.not_before_mono_us();
}
core::Micros AliyunPrivatelink::clock_offset_us() const {
    return state_->api.clock_offset_us();
}
std::string AliyunPrivatelink::region() const {
    return state_->api.region();
}

core::Message AliyunPrivatelink::clock_problem() const {
    if (clock_offset_us() == 0) return "";
    return describe_clock_offset(clock_offset_us());
}

}  // namespace postern::agent
