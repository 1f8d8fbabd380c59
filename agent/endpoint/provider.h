// SPDX-License-Identifier: Apache-2.0
// A cloud's report about an interface endpoint, in one form for every cloud, and the rule that turns
// it into addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/message.h"

namespace postern::agent {

struct ZoneReport {
    std::string zone_id;
    std::string status;  // as the cloud gives it: "Connected", "Wait", …
    std::optional<core::IpAddress> ipv4;
    std::optional<core::IpAddress> ipv6;
    std::string domain;
    core::Message refused;  // what refuse_impossible() took out: "127.0.0.1, a loopback address"
    bool operator==(const ZoneReport&) const = default;
};

struct EndpointReport {
    std::string endpoint_id;                                 // of a search: its description
    std::string status, business_status, connection_status;  // "Active", "Normal", "Connected", …
    std::string service_name;
    std::string domain;
    std::vector<ZoneReport> zones;
    std::string request_id;            // of the reply with the zones
    bool complete = false;             // the list is authoritative (DNS): missing addresses are gone
    core::Micros valid_us = 0;         // how long it is valid, if the source says so (a TTL)
    core::Micros written_wall_us = 0;  // when the source says that it was true; 0: now
    bool search = false;               // the endpoints found are in parts; status and zones above are unused
    std::vector<EndpointReport> parts;
    // the endpoint's domain answers with the address of the asker's zone; nullopt where the source does not say
    std::optional<bool> zone_affinity = {};
    std::string region;   // of a search: where it looked, if known
    bool listed = false;  // by the fleet's list, not by the source itself
    bool operator==(const EndpointReport&) const = default;
};

/// "endpoint ep-…", the description of the search, or the file.
core::Message title(const EndpointReport& report);

/// Requests made so far by {action, code}: "ok", the API's error code, or an error token if no reply came.
using RequestCounts = std::map<std::pair<std::string, std::string>, std::uint64_t>;

/// How often to ask a source. 0: as configured for the API.
struct SourcePace {
    core::Micros interval_us = 0;
    core::Micros longest_retry_us = 0;
};

class Provider {
  public:
    using Callback = std::function<void(core::Result<EndpointReport>)>;

    virtual ~Provider() = default;
    /// State and zones of one endpoint. Exactly one callback, from the loop, unless the provider is destroyed.
    virtual void describe_endpoint(const std::string& endpoint_id, Callback done) = 0;
    /// The source is no longer in use.
    virtual void forget(const std::string&) {}
    /// `tell` runs, from the loop, when a source should be asked now.
    virtual void when_news(std::function<void(const std::string& endpoint_id)>) {}
    virtual RequestCounts requests() const { return {}; }
    /// Monotonic time before which the source wants no more requests (throttling); 0: any time.
    virtual core::Micros not_before_mono_us() const { return 0; }
    virtual SourcePace pace(const std::string&) const { return {}; }
    /// How this host's clock differs from the source's, "20 min 3 s behind"; "" where it does not.
    virtual core::Message clock_problem() const { return {}; }
};

/// The report about one endpoint; for a search the matching part, nullptr if not found.
const EndpointReport* part_about(const EndpointReport& report, const std::string& endpoint_id);

/// Takes out addresses that no endpoint has, see why_no_endpoint(). Every report passes it once, whatever its source.
void refuse_impossible(EndpointReport& report, bool loopback_taken);
/// The addresses taken out, in a sentence for people; "" if there are none.
core::Message refused_in(const EndpointReport& report);

/// The readiness rule: endpoint Active, Normal and Connected; zone Connected; an address that parses. `zones` selects
/// zones (empty: all).
EndpointSet ready_addresses(const EndpointReport& report, const std::vector<std::string>& zones);

/// "" if at least one address is ready; else what is missing, the next step and its owner.
core::Message why_not_ready(const EndpointReport& report, const std::vector<std::string>& zones);
/// The same for several: "" if any has an address. A step that several of them wait for stands once.
core::Message why_none_ready(const std::vector<const EndpointReport*>& reports, const std::vector<std::string>& zones);

}  // namespace postern::agent
