// Network addresses as text.
#pragma once

#include <string>

namespace signvote {

// True when nothing sent there leaves this machine: 127.0.0.0/8, [::1] or localhost, with a port, or unix:PATH. No
// name but localhost is looked at, so none can turn out to be something else.
bool IsLoopback(const std::string& address);

}  // namespace signvote
