// SPDX-License-Identifier: Apache-2.0
// The commands of `postern publish` and `postern fleet` as plain structs (cli.h).
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/publish/document.h"

namespace postern::agent {

/// What the commands of `postern publish` have in common.
struct PublishCommon {
    std::string config = kDefaultConfigPath;
    std::string link;            // "": all
    int ttl_s = 0;               // 5 or 30; 0: by follow_health
    bool follow_health = false;  // leave out what the publisher's own probes find down
    bool dry_run = false, undo = false, yes = false, json = false;
};
struct PublishPrivateZoneCommand {
    PublishCommon common;
    std::string region;             // "": the configuration's, else the instance's
    std::vector<std::string> vpcs;  // "vpc-…" or "REGION/vpc-…"; none: this host's
    std::string publisher;          // "": this host's name
    bool zone_lines = true;
    bool terraform = false;  // print it as Terraform
};
struct PublishFileCommand {
    PublishCommon common;
    publish::Form form = publish::Form::kJson;
    std::string to;                       // "" or "-": stdout
    std::string object_name = "postern";  // kDnsEndpoint
    std::string space;                    // kDnsEndpoint: its namespace
};
/// `postern publish list`, and with `beat` `publish run`.
struct PublishListCommand {
    std::string config = kDefaultConfigPath;
    std::string to;                      // the place of the current list; "": list_url of [fleet]
    std::vector<std::string> key_files;  // private keys that sign, 1 to 4
    std::string fleet, publisher;        // "": of [fleet], this host's name
    std::vector<std::string> endpoints;  // none: all of the configuration
    Micros validity_us = core::kDay;
    bool beat = false;
    bool replace = false, dry_run = false, json = false;
};
struct PublishKeygenCommand {
    std::string file;
    bool show = false;  // the public key of a file that is there
};
struct PublishReportCommand {
    std::string config = kDefaultConfigPath;
    std::string to;  // the folder of the reports; "": of [fleet]
    bool dry_run = false;
};
struct FleetStatusCommand {
    std::string config = kDefaultConfigPath;
    std::string from, fleet;  // the folder of the reports, the fleet's name; "": of [fleet]
    bool json = false, watch = false;
};

}  // namespace postern::agent
