// The files of the dashboard, embedded at build time (embed.cmake).
#pragma once

#include <span>
#include <string_view>

namespace signvote {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view bytes;
};

std::span<const Asset> Assets();

}  // namespace signvote
