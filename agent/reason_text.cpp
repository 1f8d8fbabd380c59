#include "agent/reason_text.h"

#include <array>

namespace postern::agent {

using probe::Reason;

namespace {

struct Row {
    Reason reason;
    std::string_view owner;
    std::string_view cause;
    std::string_view fix;  // {ip} {host} {port} {link} are filled in
};

constexpr Row kRows[] = {
    {Reason::kNone, "", "answers", ""},

    {Reason::kTcpRefused, "TDengine Cloud", "refuses the connection: nothing listens on port {port}",
     "if it lasts: is this still the endpoint's address? postern refresh; then ask TDengine Cloud whether "
     "the gateway runs"},
    {Reason::kTcpTimeout, "you", "does not answer: no reply on port {port}",
     "allow TCP {port} from this host in the endpoint's security group, and check its connection state in "
     "the VPC console"},
    {Reason::kTcpReset, "TDengine Cloud", "resets the connection",
     "a firewall or the gateway breaks it off: postern probe {link} --count 5, then ask TDengine Cloud"},
    {Reason::kNoRoute, "you", "can't be reached: this host has no route to it",
     "is this host in the endpoint's VPC, or connected to it? ip route get {ip}"},
    {Reason::kNetUnreachable, "you", "can't be reached: the network says so",
     "a VPN or route table stands in between: ip route get {ip}"},
    {Reason::kHostUnreachable, "you", "can't be reached: nobody has this address in its network",
     "the endpoint's network card is gone or detached: postern refresh, and look at the endpoint's zones in "
     "the VPC console"},

    {Reason::kTlsTimeout, "you", "connects, but the TLS handshake does not end",
     "large packets may be lost on the way (MTU): ping -M do -s 1400 {ip}; else the gateway is overloaded"},
    {Reason::kTlsReset, "TDengine Cloud", "resets the connection during the TLS handshake",
     "something in between breaks TLS: openssl s_client -connect {ip}:{port} -servername {host}"},
    {Reason::kTlsEof, "TDengine Cloud", "closes the connection during the TLS handshake",
     "does the gateway serve this name? openssl s_client -connect {ip}:{port} -servername {host}"},
    {Reason::kTlsAlert, "TDengine Cloud", "refuses the TLS handshake with an alert",
     "does the gateway serve this name? openssl s_client -connect {ip}:{port} -servername {host}"},
    {Reason::kTlsProtocol, "you", "does not speak TLS",
     "something else listens there: is this the endpoint's address, and {port} the port? curl -v "
     "http://{ip}:{port}/"},

    {Reason::kCertExpired, "TDengine Cloud", "shows a certificate that has expired",
     "first this host's clock: timedatectl; if it is right, TDengine Cloud has to renew the certificate"},
    {Reason::kCertNotYetValid, "you", "shows a certificate that is not valid yet",
     "this host's clock is behind: timedatectl"},
    {Reason::kCertNameMismatch, "you", "shows a certificate for other names",
     "is {host} exactly the private DNS name of this endpoint's service? Copy it again from the TDengine "
     "Cloud console into [[link]] host"},
    {Reason::kCertUntrusted, "you", "shows a certificate that this host does not trust",
     "a proxy may break TLS open; for a private CA set [link.probe] ca_file; else apt-get install "
     "--reinstall ca-certificates"},

    {Reason::kHttpTimeout, "TDengine Cloud", "takes the request, but the reply does not come in time",
     "is the database busy? postern probe {link} --timeout 20s; then ask TDengine Cloud, or raise "
     "[link.probe] timeout"},
    {Reason::kHttpReset, "TDengine Cloud", "resets the connection before the reply is complete",
     "if it lasts, ask TDengine Cloud: the gateway or a proxy before it breaks off"},
    {Reason::kHttpProtocol, "you", "answers with something that is not HTTP",
     "is this the endpoint's address, and {port} the port? postern probe {link} --json"},
    {Reason::kHttpTruncated, "TDengine Cloud", "ends the reply before it is complete",
     "if it lasts, ask TDengine Cloud: the gateway or a proxy before it breaks off"},
    {Reason::kHttpRedirect, "you", "redirects to another place",
     "is [link.probe] path right? /rest/sql is the usual one"},
    {Reason::kHttpStatus4xx, "you", "answers with an HTTP 4xx error",
     "is [link.probe] path right? /rest/sql is the usual one: postern probe {link} --json"},
    {Reason::kHttpStatus401, "you", "refuses the token",
     "make a new token in the TDengine Cloud console and write it into the link's token_file: it is read at "
     "once"},
    {Reason::kHttpStatus403, "you", "does not allow this token or this network",
     "check the token's instance and the IP allow-list in the TDengine Cloud console"},
    {Reason::kHttpStatus429, "you", "is asked too often", "probe less often: raise [link.probe] interval"},
    {Reason::kHttpStatus5xx, "TDengine Cloud", "answers with a server error",
     "is the instance running? Look at it in the TDengine Cloud console; if it is, open a ticket with: "
     "postern logs --link {link} -o json"},
    {Reason::kHttpStatusUnexpected, "you", "answers with an unexpected HTTP status",
     "is [link.probe] path right? postern probe {link} --json"},
    {Reason::kBodyTooLarge, "you", "sends a reply that is far too long",
     "let [link.probe] sql ask for little: select 1"},
    {Reason::kBodyInvalidJson, "TDengine Cloud", "answers with something that is not the JSON of TDengine",
     "a proxy or an error page stands in between: postern probe {link} --json"},
    {Reason::kBodyMismatch, "you", "answers, but not what [link.probe] expects",
     "compare: postern probe {link} --json"},
    {Reason::kNotTdengine, "you", "is not a TDengine gateway: something else answers",
     "is this the endpoint of TDengine's service? Compare the service name in the VPC console with the "
     "TDengine Cloud console"},

    {Reason::kSqlAuth, "you", "refuses the user or token",
     "make a new token in the TDengine Cloud console and write it into the link's token_file: it is read at "
     "once"},
    {Reason::kSqlPermission, "you", "does not permit the statement",
     "let [link.probe] sql ask for something that the token's user may read: select 1"},
    {Reason::kSqlError, "you", "reports an SQL error",
     "try the statement of [link.probe] sql in the TDengine Cloud console"},
    {Reason::kSqlUnavailable, "TDengine Cloud", "has no database behind it at the moment",
     "is the instance running, not suspended? Look at it in the TDengine Cloud console"},

    {Reason::kLocalFdLimit, "this host", "was not probed: this process has no file descriptors left",
     "raise LimitNOFILE of postern.service, or probe fewer addresses at a time"},
    {Reason::kLocalPortExhausted, "this host", "was not probed: this host has no source ports left",
     "see who holds them: ss -s; widen net.ipv4.ip_local_port_range"},
    {Reason::kLocalOom, "this host", "was not probed: out of memory",
     "see: free -m, journalctl -k | grep -i oom"},
    {Reason::kLocalCancelled, "this host", "was not probed to the end: the attempt was cancelled", ""},
    {Reason::kTokenMissing, "you",
     "leads to the gateway; the database is not asked, because there is no token",
     "put a TDengine Cloud token into a file and name it: [[link]] token_file"},
};

const Row& row_of(Reason reason) {
    for (const Row& row : kRows) {
        if (row.reason == reason) return row;
    }
    return kRows[0];
}

std::string fill(std::string_view text, const ReasonContext& context) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        out += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        const auto word = text.substr(open + 1, close - open - 1);
        const std::string value = word == "ip"     ? context.ip.empty() ? "ADDRESS" : context.ip
                                  : word == "host" ? context.host
                                  : word == "port" ? std::to_string(context.port)
                                                   : context.link;
        if (value.empty() && out.ends_with(' ')) out.pop_back();  // "probe {link} --json" without a link
        out += value;
        text.remove_prefix(close + 1);
    }
    return out;
}

}  // namespace

std::string reason_cause(Reason reason, const ReasonContext& context) {
    return fill(row_of(reason).cause, context);
}
std::string reason_fix(Reason reason, const ReasonContext& context) {
    return fill(row_of(reason).fix, context);
}
std::string_view reason_owner(Reason reason) {
    return row_of(reason).owner;
}

}  // namespace postern::agent
