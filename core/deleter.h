// SPDX-License-Identifier: Apache-2.0
// Deleter for objects of C libraries: std::unique_ptr<X509, Deleter<X509_free>>.
#pragma once

#include <memory>

namespace postern::core {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* p) const noexcept {
        Free(p);
    }
};

}  // namespace postern::core
