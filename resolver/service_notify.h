// Tells the service manager that we are ready, or stopping (sd_notify's protocol, without its library).
#pragma once

namespace postern::resolver {

/// `state` as "READY=1". No effect without NOTIFY_SOCKET.
void notify_service(const char* state);

}  // namespace postern::resolver
