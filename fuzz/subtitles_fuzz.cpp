#include "kuda/extract/speech/subtitles.h"

#include <cmath>
#include <cstdlib>

#include "one_input.h"

/// What comes out is in order, has words and times that are numbers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return kuda::fuzz::one_input(data, size, [](auto bytes, auto, const auto& name) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    double before = 0;
    for (const auto& subtitle : kuda::parse_subtitles(text, name)) {
      if (!std::isfinite(subtitle.end) || subtitle.begin < before || subtitle.end < subtitle.begin) std::abort();
      if (subtitle.text.empty() || subtitle.text.find_first_of("\r\n") != std::string::npos) std::abort();
      before = subtitle.begin;
    }
  });
}
