// Golden case of truncation and padding masks: the published loader's rule and the sound one.

#include <limits>

#include "golden_case.h"
#include "kuda/data/window.h"

namespace kuda::golden {

using torch::Tensor;

void check_windows(const GoldenCase& golden, GoldenReport& report) {
  for (const auto& [name, sizes] : golden.config().items()) {
    for (const std::string modality : {"vision", "audio"}) {
      const auto key = [&, prefix = name](const std::string& part) { return prefix + "/" + part; };
      const auto raw = golden.tensor(key("in/" + modality));                   // [N, L, D]
      const auto lengths = golden.tensor(key("in/" + modality + "_lengths"));  // [N]
      report.used(key("in/" + modality));
      report.used(key("in/" + modality + "_lengths"));
      const auto frames = raw.masked_fill(raw == -std::numeric_limits<float>::infinity(), 0);  // as the loader cleans
      const auto padded = frames.size(1);
      const std::int64_t target = sizes.at(modality).at("target");
      std::vector<Tensor> values, released_masks, sound_masks;
      std::vector<std::int64_t> starts;
      const auto mask = [](const Window& window) { return torch::arange(window.count) >= window.valid; };
      for (std::int64_t row = 0; row < frames.size(0); ++row) {
        const auto length = lengths[row].item<std::int64_t>();
        const auto released = place_window(frames[row], padded, length, target, MaskRule::released);
        starts.push_back(released.start);
        values.push_back(frames[row].slice(0, released.start, released.start + released.count));
        released_masks.push_back(mask(released));
        sound_masks.push_back(mask(place_window(frames[row], padded, length, target, MaskRule::sound)));
      }
      // NaN and +inf stay in the released values: they must sit at the same places.
      const auto found = torch::stack(values), stored = golden.tensor(key("out/" + modality));
      report.expect(key("out/" + modality),
                    found.sizes() == stored.sizes() && torch::equal(found.isnan(), stored.isnan()) &&
                        torch::equal(found.nan_to_num(0.0), stored.nan_to_num(0.0)),
                    "windowed frames");
      // Where nothing is cut the loader does not look for a start, and the stored number has no meaning.
      if (target < padded)
        report.compare(key("out/" + modality + "_start"), torch::tensor(starts));
      else
        report.used(key("out/" + modality + "_start"));
      report.compare(key("out/" + modality + "_mask_stage2"), torch::stack(released_masks));
      report.compare(key("sound/" + modality + "_mask"), torch::stack(sound_masks));
      // Stage 1 masks the whole clip; the class token in front is never padding.
      const auto whole = torch::arange(padded).unsqueeze(0) >= lengths.unsqueeze(1);
      report.compare(key("out/" + modality + "_mask_stage1"), whole);
      report.compare(key("out/" + modality + "_mask_with_cls"),
                     torch::cat({torch::zeros({whole.size(0), 1}, torch::kBool), whole}, 1));
    }
  }
}

}  // namespace kuda::golden
