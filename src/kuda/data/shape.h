#pragma once
// Lengths and widths of a data set as a model sees them: always read from the data, never from source code.

#include <array>
#include <cstdint>

namespace kuda {

struct DataShape {
  std::int64_t text_length = 0;  ///< word pieces per text after padding
  std::int64_t text_width = 0;   ///< of pre-computed text features, 0 without
  std::int64_t vision_length = 0, vision_width = 0;
  std::int64_t audio_length = 0, audio_width = 0;
  std::array<bool, 3> present{true, true, true};  ///< by Modality: in use (the data may hold more than is used)
};

}  // namespace kuda
