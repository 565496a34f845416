#include "kuda/predictor/clip.h"

#include "kuda/text/words.h"

namespace kuda {

Frames own_frames(std::vector<float> values, std::int64_t width) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  return {*owner, width, owner};
}

bool ClipInput::has(Modality modality) const noexcept {
  if (without[modality]) return false;
  const auto& own = frames(modality);
  if (own && own->length() > 0) return true;
  return modality == Modality::text && ((text && has_words(*text)) || !token_ids.empty());
}

ClipInput& ClipInput::leave_out(Modality modality) noexcept {
  without[modality] = true;
  return *this;
}

}  // namespace kuda
