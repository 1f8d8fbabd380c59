// SPDX-License-Identifier: Apache-2.0
#include "probe/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "core/deleter.h"
#include "core/text.h"
#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxNames = 16;
constexpr std::size_t kMaxSerial = 32;  // RFC 5280 allows 20

using core::Deleter;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

std::string name_text(const X509_NAME* name) {
    if (name == nullptr) return {};
    const Bio bio(BIO_new(BIO_s_mem()));
    if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return size > 0 ? excerpt({data, static_cast<std::size_t>(size)}, kMaxText) : std::string{};
}

core::Micros wall_us(const ASN1_TIME* time) {
    std::tm tm{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &tm) != 1) return 0;
    return static_cast<core::Micros>(timegm(&tm)) * core::kSecond;
}

std::string fingerprint(const X509* leaf) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(leaf, EVP_sha256(), digest, &size) != 1) return {};
    return core::hex({digest, size});
}

std::string serial(const X509* leaf) {
    const ASN1_INTEGER* number = X509_get0_serialNumber(leaf);
    if (number == nullptr) return {};
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(number));
    return core::hex({ASN1_STRING_get0_data(number), std::min(size, kMaxSerial)});
}

std::vector<std::string> dns_names(const X509* leaf) {
    std::vector<std::string> out;
    const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
    if (!names) return out;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()) && out.size() < kMaxNames; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_DNS) continue;
        const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        const int size = ASN1_STRING_length(name->d.dNSName);
        // A name may contain any bytes, and is shown in labels, JSON and terminals.
        if (size > 0) out.push_back(excerpt({data, static_cast<std::size_t>(size)}, kMaxText));
    }
    return out;
}

}  // namespace

CertificateInfo describe_certificate(x509_st* leaf, const stack_st_X509* chain) {
    CertificateInfo info;
    if (leaf == nullptr) return info;
    info.present = true;
    info.subject = name_text(X509_get_subject_name(leaf));
    info.issuer = name_text(X509_get_issuer_name(leaf));
    info.fingerprint_sha256 = fingerprint(leaf);
    info.serial = serial(leaf);
    info.names = dns_names(leaf);
    info.not_before_us = wall_us(X509_get0_notBefore(leaf));
    info.not_after_us = wall_us(X509_get0_notAfter(leaf));
    info.chain_not_after_us = info.not_after_us;
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
        const core::Micros ends = wall_us(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (ends != 0) info.chain_not_after_us = std::min(info.chain_not_after_us, ends);
    }
    return info;
}

}  // namespace postern::probe
