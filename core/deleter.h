// Owner of what a C library allocates, made where the pointer is: std::unique_ptr<X509, Deleter<X509_free>>.
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
