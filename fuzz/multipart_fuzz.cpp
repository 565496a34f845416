#include "kuda/serve/http/multipart.h"

#include <cstdlib>

#include "one_input.h"

namespace {

const std::string kType = "multipart/form-data; boundary=bound";

/// A form that was read is written and read again: the parts must be the same.
void read_twice(std::string_view body) {
  const auto parts = kuda::read_form(kType, body);
  std::string again;
  for (const auto& part : parts) {
    again += "--bound\r\nContent-Disposition: form-data; name=\"";
    for (const char letter : part.name)
      again += letter == '"' || letter == '\\' ? std::string{'\\', letter} : std::string{letter};
    again += "\"\r\n\r\n" + part.content + "\r\n";
  }
  const auto second = kuda::read_form(kType, again + "--bound--\r\n");
  if (second.size() != parts.size()) std::abort();
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts[i].name != second[i].name || parts[i].content != second[i].content) std::abort();
}

}  // namespace

/// The first line is a Content-Type as well.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kuda::fuzz::one_input(data, size, [&](auto, auto, const auto&) {
    static_cast<void>(kuda::read_form(text.substr(0, text.find("\r\n")), text));
  });
  return kuda::fuzz::one_input(data, size, [&](auto, auto, const auto&) { read_twice(text); });
}
