// SPDX-License-Identifier: Apache-2.0
// PrivateZone's API (2018-01-01) as a ZoneStore. Blocking. packaging/ram/postern-privatezone.json lists exactly these calls.
#pragma once

#include <string>
#include <vector>

#include "agent/account/session.h"
#include "agent/publish/zone_change.h"

namespace postern::agent::publish {

class PvtzStore final : public ZoneStore {
  public:
    explicit PvtzStore(CloudSession& session) : session_(session) {}

    core::Result<std::vector<PrivateZone>> look(const std::string& host) override;
    core::Result<std::string> make(const std::string& host) override;
    core::Result<void> carry_out(const std::string& zone, const Step& step) override;

  private:
    core::Result<JsonView> call(const std::string& action, NameValues parameters, const std::string& resource);
    /// With a token that makes a repeated call the same request.
    core::Result<void> write(const std::string& action, NameValues parameters, const std::string& resource);
    template <class T, class Read>
    core::Result<std::vector<T>> pages(const std::string& action, const NameValues& parameters,
                                       const std::string& resource, Read read);

    CloudSession& session_;
};

}  // namespace postern::agent::publish
