// SPDX-License-Identifier: Apache-2.0
// How long a JVM keeps addresses, from its command line and its java.security. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::agent::doctor {

/// Places of java.security below a Java home, newest first: since Java 9, a JRE of Java 8, a JDK of Java 8.
std::vector<std::string> security_files(const std::string& java_home);

/// Where `command`'s JVM reads more security properties from (-Djava.security.properties=FILE); "" if nowhere.
std::string own_security_file(const std::vector<std::string>& command);

/// The setting that makes a JVM keep every address for ever, as it is written; "" if none does. `security`: its
/// java.security; `own`: the file of own_security_file(). A security property counts more than sun.net.inetaddr.ttl; as a
/// -D option, networkaddress.cache.ttl has no effect.
std::string keeps_for_ever(const std::vector<std::string>& command, std::string_view security,
                           std::string_view own = {});

}  // namespace postern::agent::doctor
