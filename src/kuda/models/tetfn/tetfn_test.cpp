// What the golden cases of TETFN do not pin: the sound option, refusals, groups, what a checkpoint holds.

#include "kuda/models/tetfn/tetfn.h"

#include <gtest/gtest.h>

#include "kuda/base/error.h"
#include "kuda/models/kuda/test_tiny.h"

namespace kuda::tetfn {
namespace {

using test::tiny_batch;
using test::tiny_shape;
using test::tiny_text;
using torch::Tensor;

TetfnConfig tiny_tetfn() {
  TetfnConfig config;
  config.width = 8;
  config.heads = 2;
  config.kernel_text = 2;
  config.kernel_audio = 3;
  return config;
}

/// Scores with the padded frames and words as they are, and with others.
std::pair<Tensor, Tensor> scores_of(bool reference_quirks, bool pool_to_text) {
  torch::manual_seed(3);
  auto config = tiny_tetfn();
  config.reference_quirks = reference_quirks;
  config.pool_to_text = pool_to_text;
  Tetfn model(config, tiny_shape(), tiny_text());
  model.eval();
  auto batch = tiny_batch();
  const auto before = model.forward(batch, nullptr).score;
  for (auto* sequence : {&batch.vision, &batch.audio})
    sequence->values = sequence->values.masked_fill(sequence->padding.unsqueeze(-1), 9.0);
  batch.text_ids = batch.text_ids.masked_fill(batch.text_padding, 7);
  return {before, model.forward(batch, nullptr).score};
}

TEST(Tetfn, PaddingCountsOnlyAsPublished) {
  for (const bool is_pooled : {true, false}) {
    const auto published = scores_of(true, is_pooled), sound = scores_of(false, is_pooled);
    EXPECT_FALSE(torch::allclose(published.first, published.second, 0, 1e-5));
    EXPECT_TRUE(torch::allclose(sound.first, sound.second, 0, 1e-6));
  }
}

TEST(Tetfn, NeedsEveryModalityAndEnoughFrames) {
  auto shape = tiny_shape();
  shape.present.audio = false;
  EXPECT_THROW(Tetfn(tiny_tetfn(), shape, tiny_text()), ConfigError);
  auto config = tiny_tetfn();
  config.kernel_audio = 7;
  Tetfn model(config, tiny_shape(), tiny_text());  // pooled to 6 frames
  EXPECT_THROW((void)model.forward(tiny_batch(), nullptr), ShapeError);
}

TEST(Tetfn, TransformersAndTextConvolutionBelongToTheOthers) {
  Tetfn model(tiny_tetfn(), tiny_shape(), tiny_text());
  const auto groups = model.parameter_groups();
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(groups[2].parameters.size(), 5U);  // LSTM, convolution without bias
  EXPECT_EQ(groups[3].parameters.size(), 5U);
  EXPECT_DOUBLE_EQ(groups[4].lr, 3e-4);
}

TEST(Tetfn, ACheckpointHasThePublishedConstantsAndNoBanks) {
  Tetfn model(tiny_tetfn(), tiny_shape(), tiny_text());
  EXPECT_TRUE(model.named_buffers().contains("trans_a_with_v.lower_mha.embed_positions._float_tensor"));
  EXPECT_TRUE(model.is_saved("trans_l_mem.version"));
  EXPECT_FALSE(model.is_saved("label_bank.labels"));
}

}  // namespace
}  // namespace kuda::tetfn
