#include "kuda/serve/http/request_parser.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "one_input.h"

namespace {

/// What is read of requests that come in pieces of `size` bytes.
struct Read {
  kuda::HeadEnd head = kuda::HeadEnd::partial;
  kuda::BodyStep body = kuda::BodyStep::partial;
  std::string path, text, left;
};

Read read_in_pieces(std::string_view bytes, std::size_t size) {
  kuda::RequestParser parser({.bytes = 1 << 20, .headers = 100});
  kuda::BodyReader reader(1 << 20, "");
  Read read;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
    read.left += bytes.substr(0, size);
    if (read.head == kuda::HeadEnd::partial) read.head = parser.read_head(read.left);
    if (read.head == kuda::HeadEnd::whole && read.body == kuda::BodyStep::partial)
      read.body = parser.read_body(read.left, reader);
  }
  read.path = parser.request().path;
  read.text = reader.text();
  return read;
}

}  // namespace

/// A request that is whole is the same however it comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto, const auto&) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto whole = read_in_pieces(text, text.size() + 1), pieces = read_in_pieces(text, 7);
    if ((whole.head == kuda::HeadEnd::whole) != (pieces.head == kuda::HeadEnd::whole)) std::abort();
    if (whole.head != kuda::HeadEnd::whole) return;
    if ((whole.body == kuda::BodyStep::whole) != (pieces.body == kuda::BodyStep::whole)) std::abort();
    if (whole.body != kuda::BodyStep::whole) return;
    if (std::tie(whole.path, whole.text, whole.left) != std::tie(pieces.path, pieces.text, pieces.left)) std::abort();
  });
}
