// What is said of a certificate: subject, issuer, names, dates, fingerprint. Every text comes from the peer: bounded,
// and to be shown as text only.
#pragma once

#include "probe/probe_types.h"

struct x509_st;
struct stack_st_X509;

namespace postern::probe {

/// `chain` (the verified one, as far as it got; may be null) gives chain_not_after_us.
CertificateInfo describe_certificate(x509_st* leaf, const stack_st_X509* chain);

}  // namespace postern::probe
