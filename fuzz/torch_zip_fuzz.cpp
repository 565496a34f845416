#include "kuda/io/weights_file.h"

#include "one_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto owner, const auto& name) {
    kuda::fuzz::touch(kuda::io::read_weights(bytes, owner, name));
  });
}
