// SPDX-License-Identifier: Apache-2.0
// A small file of the agent's state, replaced as a whole: written atomically in libuv's pool, one write at a time, of
// those that wait the last. Loop thread; owned by the room whose file it is.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/loop.h"

namespace postern::agent {

class StateFile {
  public:
    enum class Durable { kNo, kYes };  // no: after a power cut the file may be damaged
    /// `written`: called on the loop with the result of every write.
    StateFile(core::Loop& loop, std::string path, Durable durable,
              std::function<void(const core::Result<void>&)> written);
    /// A write in progress finishes; one that waits is lost.
    ~StateFile();
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;

    void write(std::string text);
    /// On this thread, at exit. Replaces what waits.
    void write_now(const std::string& text);
    /// What waits, on this thread, at exit.
    void flush();
    const std::string& path() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent
