#include <sys/mman.h>
#include <unistd.h>

#include "kuda/media/media.h"
#include "one_input.h"

namespace {

/// Reads every byte: a sanitizer sees a picture that goes beyond its memory.
class Touching : public kuda::MediaSink {
 public:
  void picture(const kuda::Picture& picture) override {
    for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y)
      for (std::size_t x = 0; x < 3 * static_cast<std::size_t>(picture.width); ++x)
        sum_ += picture.rgb[y * picture.stride + x];
  }
  void sound(std::span<const float> samples) override {
    for (const float sample : samples)
      if (!(sample >= -1 && sample <= 1)) throw std::logic_error("a sample outside -1..1");
  }

 private:
  std::size_t sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto&&, const auto&) {
    struct File {  // in memory; its name is of this process alone
      int descriptor = ::memfd_create("input", MFD_CLOEXEC);
      ~File() { ::close(descriptor); }
    } file;
    if (::write(file.descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return;
    Touching sink;
    kuda::read_media("/proc/self/fd/" + std::to_string(file.descriptor), {.longest_side = 64, .end = 1}, sink);
  });
}
