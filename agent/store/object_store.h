// SPDX-License-Identifier: Apache-2.0
// Reads and writes single objects of OSS, S3-compatible stores, plain HTTPS servers and folders of this host. Each
// request has one attempt and a bound of time and size: whoever asks has a beat of its own. Redirects are not
// followed: a reply must not choose where a signature goes. Owned by its user, loop thread; file: places block, unless they
// are given a pool.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/cloud/credentials.h"
#include "agent/cloud/metadata.h"
#include "agent/net/environment.h"
#include "agent/net/http_transport.h"
#include "agent/store/list_reply.h"
#include "agent/text/object_place.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/loop.h"

namespace postern::agent {

struct StoreOptions {
    // "https://host[:port]" of an S3-compatible store, or of OSS outside its VPC; "": by region. oss:// puts the bucket
    // before a host name, s3:// into the path.
    std::string endpoint;
    std::string region;   // of the bucket; "": of this instance (oss), AWS_REGION or us-east-1 (s3)
    std::string ca_file;  // "": the system's
    bool anonymous = false;
    core::Micros timeout_us = 10 * core::kSecond;
    bool operator==(const StoreOptions&) const = default;
};

struct StoredObject {
    std::string bytes;
    std::string etag;  // "" if the store gives none
    bool unchanged = false;
};
/// The objects of a folder, without those of folders in it; by their names there.
struct StoredNames {
    std::vector<ListedObject> objects;
    bool more = false;  // there are more than were asked for
};
struct StoredAs {
    bool exists = false;     // of a write that must not replace: there is one already, and it stays
    bool versioned = false;  // the store keeps versions: OSS then ignores that a write must not replace
};

class ObjectStore {
  public:
    using GetDone = std::function<void(core::Result<StoredObject>)>;
    using PutDone = std::function<void(core::Result<StoredAs>)>;
    using ListDone = std::function<void(core::Result<StoredNames>)>;
    enum class Put { kReplace, kOnlyNew };

    /// `environment`: AWS_ACCESS_KEY_ID, … for s3://; without them, and for oss://, `credentials` are used.
    ObjectStore(core::Clock& clock, HttpTransport& http, CredentialChain& credentials, MetadataClient& metadata,
                Environment environment);
    /// No callback runs after it.
    ~ObjectStore();

    void configure(StoreOptions options);
    /// Files are read and written in the loop's pool from now on. The callback then is never from inside the call.
    void use_pool(core::Loop& loop);

    /// Exactly one callback, maybe from inside this call. `etag` "": whole, whatever it is. Errors: of the transport, and
    /// of explain_refusal(); kTooLarge above `max_bytes`; kApiBadReply for a reply that makes no sense.
    void get(const ObjectPlace& place, const std::string& etag, std::size_t max_bytes, GetDone done);
    void put(const ObjectPlace& place, std::string bytes, Put how, PutDone done);
    /// What is in a folder (parse_folder_place()): at most `most` objects, a thousand a request. kUsage: an HTTPS server has no
    /// list of its objects.
    void list(const ObjectPlace& folder, std::size_t most, ListDone done);

    /// The store's time minus ours, of its last refusal of ours; 0: never refused.
    core::Micros clock_offset_us() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
