// One Provider for every kind of source: endpoints of the API by ID, "target:NAME" followed through the upstreams,
// "file:PATH" with a saved reply. Owned by the app, loop thread.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>

#include "agent/cloud/provider.h"
#include "agent/lookup.h"
#include "core/clock.h"

namespace postern::agent {

class DiscoverySources final : public Provider {
  public:
    DiscoverySources(const core::Clock& clock, Provider& api, Lookup& lookup);
    /// No callback of a lookup runs after it (those of the API are its own matter).
    ~DiscoverySources() override;

    void describe_endpoint(const std::string& key, Callback done) override;
    RequestCounts requests() const override;
    core::Micros not_before_mono_us() const override { return api_.not_before_mono_us(); }
    SourcePace pace(const std::string& key) const override;
    std::vector<std::string> warnings() const override { return api_.warnings(); }

  private:
    /// What a file was when it was last read, and what it said.
    struct KnownFile {
        ino_t inode = 0;
        off_t size = 0;
        core::Micros changed_wall_us = 0, read_wall_us = 0;
        EndpointReport report;
    };
    void follow(const std::string& name, Callback done);
    core::Result<EndpointReport> read_file(const std::string& path);

    const core::Clock& clock_;
    Provider& api_;
    Lookup& lookup_;
    std::map<std::string, KnownFile> files_;
    RequestCounts counts_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A saved reply of ListVpcEndpointZones as a report of a connected endpoint.
core::Result<EndpointReport> parse_zones_file(const std::string& path, std::string_view text);

}  // namespace postern::agent
