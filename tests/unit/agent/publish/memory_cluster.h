// SPDX-License-Identifier: Apache-2.0
// A cluster in memory: versions, conflicts, and what the rules promise is checked after every write.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "agent/k8s/cluster.h"
#include "agent/k8s/objects.h"

namespace postern::agent::publish {

struct MemoryCluster final : k8s::Cluster {
    using Json = nlohmann::json;
    std::map<std::pair<k8s::Kind, std::string>, Json> objects;
    int version = 0, reads = 0;
    std::vector<std::string> writes;  // "create service db"
    std::vector<Json> patches;
    std::function<void()> before_write = [] {};
    std::optional<core::Error> broken;
    core::Micros wait = 0;
    bool was_empty = false;  // a slice had no ready endpoint

    static JsonView view(const Json& json) { return *JsonView::parse(json.dump()); }
    Json* find(k8s::Kind kind, const std::string& name) {
        const auto at = objects.find({kind, name});
        return at == objects.end() ? nullptr : &at->second;
    }
    void put(k8s::Kind kind, Json object) {
        object["metadata"]["resourceVersion"] = std::to_string(++version);
        if (!object["metadata"].contains("uid")) object["metadata"]["uid"] = "uid-" + std::to_string(version);
        const std::string name = object["metadata"]["name"];
        if (kind == k8s::Kind::kEndpointSlice) {
            bool ready = false;
            for (const auto& endpoint : object["endpoints"])
                ready = ready || endpoint["conditions"]["ready"].get<bool>();
            was_empty = was_empty || !ready;
        }
        objects[{kind, name}] = std::move(object);
    }

    core::Result<std::optional<JsonView>> read(const k8s::ObjectName& name) override {
        ++reads;
        if (broken) return core::fail(*broken);
        const Json* object = find(name.kind, name.name);
        return object == nullptr ? std::nullopt : std::optional(view(*object));
    }
    core::Result<std::vector<JsonView>> own(k8s::Kind kind) override {
        if (broken) return core::fail(*broken);
        std::vector<JsonView> out;
        for (const auto& [key, object] : objects) {
            if (key.first == kind && k8s::is_ours(view(object))) out.push_back(view(object));
        }
        return out;
    }
    core::Result<k8s::Written> create(k8s::Kind kind, const std::string& text) override {
        const Json object = Json::parse(text);
        before_write();
        if (broken) return core::fail(*broken);
        const std::string name = object["metadata"]["name"];
        if (find(kind, name) != nullptr) return k8s::Written::kConflict;
        put(kind, object);
        writes.push_back("create " + k8s::describe({kind, name}));
        return k8s::Written::kDone;
    }
    core::Result<k8s::Written> change(const k8s::ObjectName& name, const std::string& text) override {
        const Json patch = Json::parse(text);
        before_write();
        if (broken) return core::fail(*broken);
        Json* object = find(name.kind, name.name);
        if (object == nullptr || (*object)["metadata"]["resourceVersion"] != patch["metadata"]["resourceVersion"])
            return k8s::Written::kConflict;
        Json now = *object;
        now.merge_patch(patch);
        put(name.kind, now);
        patches.push_back(patch);
        writes.push_back("change " + k8s::describe(name));
        return k8s::Written::kDone;
    }
    core::Result<k8s::Written> remove(const k8s::ObjectName& name, const std::string& uid,
                                      const std::string& wanted) override {
        before_write();
        if (broken) return core::fail(*broken);
        const Json* object = find(name.kind, name.name);
        if (object == nullptr) return k8s::Written::kDone;
        if ((*object)["metadata"]["uid"] != uid || (*object)["metadata"]["resourceVersion"] != wanted)
            return k8s::Written::kConflict;
        objects.erase({name.kind, name.name});
        writes.push_back("delete " + k8s::describe(name));
        return k8s::Written::kDone;
    }
    core::Micros asked_to_wait_us() const override { return wait; }

    std::vector<std::string> taken() { return std::exchange(writes, {}); }
};

}  // namespace postern::agent::publish
