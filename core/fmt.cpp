// SPDX-License-Identifier: Apache-2.0
// libfmt, compiled once: what its headers only declare when FMT_HEADER_ONLY is not set. Built into both programs, as
// postern-resolver links libuv and libc alone. The instantiations are those that our units ask for, with the signatures of
// libfmt 9 (Debian 12) and 10 (Debian 13): a missing one does not link.
#ifdef __clang__
#define FMT_CONSTEVAL  // to newer ones the format strings in libfmt 10's own code are no constants
#endif
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {

template dragonbox::decimal_fp<double> dragonbox::to_decimal(double) noexcept;
template dragonbox::decimal_fp<float> dragonbox::to_decimal(float) noexcept;
template thousands_sep_result<char> thousands_sep_impl(locale_ref);
template char decimal_point_impl(locale_ref);
template void buffer<char>::append(const char*, const char*);
template void vformat_to(buffer<char>&, string_view, basic_format_args<buffer_context<char>>, locale_ref);

}  // namespace detail
FMT_END_NAMESPACE
