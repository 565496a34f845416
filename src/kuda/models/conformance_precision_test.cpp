#include "kuda/base/error.h"
#include "kuda/models/test_conformance.h"
#include "kuda/tensor/linear.h"

namespace kuda {
namespace {

using test::Conformance;
using test::small_batch;

TEST_P(Conformance, ScoresInBfloat16AreFloat32AndNearThoseInFloat32) {
  const torch::NoGradGuard no_grad;
  for (const bool prepares : {false, true}) {
    const auto model = make();
    model->eval();
    model->leave_out_padding();
    const auto batch = small_batch(5);
    const auto exact = model->forward(batch, nullptr).score;
    model->use_precision(Precision::bf16_emulated);
    if (prepares) model->prepare_for_scoring(Precision::bf16_emulated);
    const Autocast autocast(model->precision(), torch::kCPU);
    for (const bool is_traced : {false, true}) {
      Trace trace;
      const auto output = model->forward(batch, is_traced ? &trace : nullptr);
      EXPECT_EQ(output.score.scalar_type(), torch::kFloat32);
      for (const auto& score : output.unimodal)
        if (score.defined()) EXPECT_EQ(score.scalar_type(), torch::kFloat32);
      EXPECT_TRUE(output.score.isfinite().all().item<bool>());
      // A product keeps 8 bits, 0.4 %, and a dozen layers lie between clip and score. Far more than these scores of
      // order one would move so; far less than if something were computed that is not meant.
      EXPECT_TRUE(torch::allclose(output.score, exact, 0.1, 0.15)) << "prepared " << prepares << "\n"
                                                                   << output.score << "\n"
                                                                   << exact;
      for (const auto& [name, value] : trace.all()) EXPECT_NE(value.scalar_type(), torch::kBFloat16) << name;
    }
  }
}

TEST_P(Conformance, TrainsInBfloat16WithWeightsAndGradientsInFloat32) {
  const auto model = make();
  model->train();
  const auto batch = small_batch(6);
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {  // what is kept of one epoch enters the next
    model->begin_epoch(epoch, 2);
    for (std::int64_t phase = 0; phase < model->num_phases(); ++phase) {
      model->begin_phase(phase, false);
      Output output;
      Losses losses;
      {
        const Autocast autocast(Precision::bf16_emulated, torch::kCPU);
        output = model->forward(batch, nullptr);
        losses = model->loss(output, batch);
      }
      EXPECT_EQ(losses.total.scalar_type(), torch::kFloat32);
      for (const auto& [name, term] : losses.terms) EXPECT_TRUE(term.isfinite().item<bool>()) << name;
      losses.total.backward();
      const torch::NoGradGuard no_grad;
      model->after_backward(output, batch);
    }
  }
  for (const auto& item : model->named_parameters()) {
    EXPECT_EQ(item.value().scalar_type(), torch::kFloat32) << item.key();
    if (!item.value().grad().defined()) continue;
    EXPECT_EQ(item.value().grad().scalar_type(), torch::kFloat32) << item.key();
    EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
  }
}

/// True where this build and processor have a faster form of a float32 weight as wide as `width`.
bool has_faster_form(std::int64_t width) {
  torch::nn::Sequential parts(Linear(width, width));
  prepare_for_scoring(*parts, Precision::fp32);
  return is_prepared(*parts);
}

TEST_P(Conformance, PreparedForScoringItScoresTheSameAndIsNotTrained) {
  constexpr std::int64_t kWide = 384;  // narrower weights stay as they are on some processors (tensor/linear.cpp)
  if (!has_faster_form(kWide)) GTEST_SKIP() << "no faster form of float32 weights in this build on this processor";
  const torch::NoGradGuard no_grad;
  const auto model = make(1, test::small_shape(), test::small_encoder(kWide, 12, 50, 16));
  model->eval();
  const auto batch = small_batch(4);
  const auto before = model->forward(batch, nullptr).score;
  model->prepare_for_scoring(Precision::fp32);
  ASSERT_TRUE(is_prepared(*model));
  EXPECT_TRUE(torch::allclose(model->forward(batch, nullptr).score, before, 0, 1e-5));
  model->eval();
  EXPECT_THROW(model->train(), Error);
}

}  // namespace
}  // namespace kuda
