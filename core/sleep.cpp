// SPDX-License-Identifier: Apache-2.0
#include "core/sleep.h"

#include <cerrno>
#include <ctime>

namespace postern::core {

void sleep_for(Micros us) {
    timespec left{us / kSecond, (us % kSecond) * 1000};
    while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

}  // namespace postern::core
