// SPDX-License-Identifier: Apache-2.0
// Describes a certificate: subject, issuer, names, dates, fingerprint. All texts come from the peer: they are limited
// in length, and must be shown as plain text only. Any thread.
#pragma once

#include "probe/probe_types.h"

struct x509_st;
struct stack_st_X509;

namespace postern::probe {

/// `chain` is the chain as far as it was verified, for chain_not_after_us; may be nullptr.
CertificateInfo describe_certificate(x509_st* leaf, const stack_st_X509* chain);

}  // namespace postern::probe
