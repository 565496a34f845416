// Every preset on clips of its data set's published shapes, with a small text encoder instead of BERT-base.

#include <gtest/gtest.h>

#include <map>

#include "kuda/base/log.h"
#include "kuda/base/test_support.h"
#include "kuda/checkpoint/run_config.h"
#include "kuda/checkpoint/small_encoder.h"
#include "kuda/data/collate.h"
#include "kuda/data/sources/published.h"
#include "kuda/data/synth/synth.h"

namespace kuda {
namespace {

/// Three synthetic clips with the lengths and widths of the published files, text features among them. Made once.
const Dataset& clips_like(const std::string& data) {
  static std::map<std::string, Dataset> made;
  if (const auto found = made.find(data); found != made.end()) return found->second;
  SynthOptions options;
  options.like = data;
  options.train = options.valid = options.test = 1;
  auto clips = make_synthetic(options);
  Feature text;
  text.padded_length = options.resolved().text_length;
  text.offsets = {0};
  for (std::int64_t i = 0; i < 3; ++i) {
    text.lengths.push_back(text.padded_length - i);
    text.offsets.push_back(text.offsets.back() + text.lengths.back());
  }
  text.values = torch::randn({text.offsets.back(), 768});
  clips.text_features = text;
  return made.emplace(data, std::move(clips)).first->second;
}

class Presets : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    torch::set_num_threads(1);
    set_log_sink([](LogLevel, const std::string&) {});
    // 12 layers, because KuDA's adapters sit on layers up to 11.
    write_small_encoder(test::process_folder() / "deep_encoder", 12, 16);
  }
};

TEST_P(Presets, ScoreClipsOfTheirDataSet) {
  const auto encoder = test::process_folder() / "deep_encoder";
  const auto tokenizer = WordPiece::load(encoder / "vocab.txt");
  const TextEncoder bert{BertConfig::load(encoder), encoder.string()};
  const torch::NoGradGuard no_grad;
  for (const auto& set : published_sets()) {
    const std::string data(set.name);
    const auto preset = GetParam() + "_" + data + ".toml";
    const auto config = RunConfig::load(std::filesystem::path(KUDA_SOURCE_DIR) / "configs" / preset, {});
    const auto& info = find_model(config.model);
    const bool has_tokens = config.model_config->text_input(info.text) == TextInput::tokens;
    const auto& clips = clips_like(data);
    torch::manual_seed(1);
    const auto shape = shape_of(clips, config.collate, has_tokens ? &tokenizer : nullptr);
    const auto model = info.make(*config.model_config, shape, has_tokens ? bert : TextEncoder());
    model->eval();
    const Collator collator(clips, has_tokens ? &tokenizer : nullptr, config.collate);
    const auto batch = collator({0, 1});
    // What the preset makes of the published file: nothing of it is cut off, nothing is added.
    EXPECT_EQ(batch.vision.values.sizes(), (std::vector{2L, set.length.vision, set.width.vision}));
    EXPECT_EQ(batch.audio.values.sizes(), (std::vector{2L, set.length.audio, set.width.audio}));
    // MMSA's settings for CH-SIMSv2 have the text length of CH-SIMS; tfn, lmf, mult and misa keep it.
    const bool is_cut_as_published = data == "simsv2" && shape.length.text == published_set("sims")->length.text;
    EXPECT_TRUE(shape.length.text == set.length.text || is_cut_as_published)
        << preset << ": data.text_length = " << shape.length.text << ", expected " << set.length.text;
    EXPECT_EQ((has_tokens ? batch.text_ids : batch.text_features.values).size(1), shape.length.text) << preset;
    const auto score = model->forward(batch, nullptr).score;
    EXPECT_EQ(score.sizes(), (std::vector<std::int64_t>{2})) << preset;
    EXPECT_TRUE(score.isfinite().all().item<bool>()) << preset;
  }
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& info : all_models()) names.push_back(info.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(AllModels, Presets, testing::ValuesIn(model_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace kuda
