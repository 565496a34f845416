// One suite over every registered model: what the rest of the program relies on.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "kuda/base/error.h"
#include "kuda/data/collate.h"
#include "kuda/models/test_conformance.h"
#include "kuda/tensor/state_dict.h"

namespace kuda {
namespace {

using test::backward;
using test::Conformance;
using test::ConformanceCase;
using test::rows_of;
using test::small_batch;
using test::small_shape;
using test::small_text;
using torch::Tensor;

TEST_P(Conformance, ScoresEveryClipWithAFiniteNumber) {
  const auto model = make();
  model->eval();
  for (const std::int64_t size : {5, 1}) {
    const auto output = model->forward(small_batch(size), nullptr);
    EXPECT_EQ(output.score.sizes(), (std::vector<std::int64_t>{size}));
    EXPECT_TRUE(output.score.isfinite().all().item<bool>());
  }
}

TEST_P(Conformance, ScoredClipsHaveALossWhoseFirstTermIsTheErrorOfTheScore) {
  const auto model = make();
  const torch::NoGradGuard no_grad;
  for (const std::int64_t size : {5, 1}) {
    auto batch = small_batch(size);
    model->eval();
    const auto output = model->forward(batch, nullptr);
    const auto losses = model->loss(output, batch);
    EXPECT_TRUE(losses.total.isfinite().item<bool>()) << size;
    batch.label = output.score;
    EXPECT_EQ(model->loss(output, batch).terms.at(0).second.item<double>(), 0) << "nothing but the error";
  }
}

TEST_P(Conformance, TrainsOnABatchOfOne) {
  SKIP_IF_EXCEPTED();
  const auto model = make();
  model->train();
  model->begin_epoch(0, 1);
  EXPECT_TRUE(backward(*model, small_batch(1)).total.isfinite().item<bool>());
  for (const auto& item : model->named_parameters())
    if (item.value().grad().defined()) EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
}

TEST_P(Conformance, EveryTrainableParameterGetsAGradient) {
  const auto model = make();
  model->train();
  model->begin_epoch(0, 1);
  backward(*model, small_batch(6));
  for (const auto& item : model->named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const bool is_idle = std::any_of(info_.idle_parameters.begin(), info_.idle_parameters.end(),
                                     [&](const auto& part) { return item.key().find(part) != std::string::npos; });
    EXPECT_NE(item.value().grad().defined(), is_idle) << item.key();
  }
}

TEST_P(Conformance, ABatchLeavesNothingBehindWhereTheModelSaysSo) {
  const auto model = make();
  EXPECT_EQ(model->has_independent_batches(), info_.state.empty()) << "what `kuda models` says of it";
  model->train();
  model->begin_epoch(0, 1);
  std::map<std::string, Tensor> before;
  for (const auto& buffer : model->named_buffers()) before[buffer.key()] = buffer.value().clone();
  backward(*model, small_batch(6));
  bool is_left_behind = false;
  for (const auto& buffer : model->named_buffers())
    is_left_behind = is_left_behind || !torch::equal(buffer.value(), before[buffer.key()]);
  EXPECT_NE(is_left_behind, model->has_independent_batches());
}

TEST_P(Conformance, EveryTrainableParameterIsInOneGroup) {
  SKIP_IF_EXCEPTED();
  const auto model = make();
  std::map<const void*, int> uses;
  for (const auto& group : model->parameter_groups())
    for (const auto& parameter : group.parameters) ++uses[parameter.unsafeGetTensorImpl()];
  for (const auto& item : model->named_parameters()) {
    const auto found = uses.extract(item.value().unsafeGetTensorImpl());
    EXPECT_EQ(found.empty() ? 0 : found.mapped(), item.value().requires_grad() ? 1 : 0) << item.key();
  }
  EXPECT_TRUE(uses.empty()) << "a group holds what is no parameter of the model";
}

TEST_P(Conformance, PaddingChangesAScoreOnlyWhereTheModelSaysSo) {
  const auto model = make();
  if (!model->is_padding_invariant()) GTEST_SKIP() << "its default options promise nothing about padding";
  model->eval();
  const torch::NoGradGuard no_grad;
  auto batch = small_batch(4);
  const auto before = model->forward(batch, nullptr).score;
  for (auto* sequence : {&batch.vision, &batch.audio})  // padding is told by the mask, not by its values
    sequence->values = sequence->values.masked_fill(sequence->padding.unsqueeze(-1), 7.0);
  EXPECT_TRUE(torch::allclose(model->forward(batch, nullptr).score, before, 0, 1e-5));
}

void expect_same_without_padding(Model& model) {
  model.eval();  // no dropout: both paths draw other masks
  const auto run = [&](bool skips) {
    model.leave_out_padding(skips);
    model.zero_grad();
    const auto score = model.forward(small_batch(4), nullptr).score;
    score.square().sum().backward();
    std::map<std::string, Tensor> result{{"score", score.detach()}};
    for (const auto& item : model.named_parameters())
      if (item.value().grad().defined()) result[item.key()] = item.value().grad().clone();
    return result;
  };
  const auto padded = run(false), packed = run(true);
  ASSERT_EQ(padded.size(), packed.size());
  for (const auto& [name, value] : padded)  // float32 rounding of sums in another order
    EXPECT_TRUE(torch::allclose(value, packed.at(name), 1e-4, 1e-5 * std::max(1.0, value.abs().max().item<double>())))
        << name;
}

TEST_P(Conformance, LeavingOutPaddingChangesNoScoreAndNoGradient) {
  const auto model = make();
  if (!model->ignores_padded_pieces()) GTEST_SKIP() << "padding counts with its default options, so it is not left out";
  expect_same_without_padding(*model);
}

TEST(LeavingOutPadding, ChangesNothingWithTheOptionsThatMaskIt) {
  struct Masked {
    std::string model, option;
    std::variant<bool, std::string> value;
  };
  for (const auto& masked :
       {Masked{"cubemlp", "mask_padding", true}, Masked{"tetfn", "reference_quirks", false},
        Masked{"cenet", "reference_quirks", false}, Masked{"almt", "mask_padding", true},
        Masked{"bbfn", "encoder", std::string("linear")}, Masked{"bbfn", "encoder", std::string("lstm")}}) {
    SCOPED_TRACE(masked.model);
    const auto& info = find_model(masked.model);
    auto config = info.make_config();
    Fields fields;
    config->describe(fields);
    for (const auto& field : fields.list()) {
      if (field.name != masked.option) continue;
      if (const auto* is_on = std::get_if<bool>(&masked.value))
        *std::get<bool*>(field.target) = *is_on;
      else
        std::get<NamedTarget>(field.target).set(std::get<std::string>(masked.value));
    }
    torch::manual_seed(1);
    const auto model = info.make(*config, small_shape(), small_text());
    ASSERT_TRUE(model->ignores_padded_pieces());
    expect_same_without_padding(*model);
  }
}

TEST_P(Conformance, SubsetsOfModalitiesWorkOrAreRefused) {
  for (int set = 1; set < 7; ++set) {
    auto shape = small_shape();
    for (const auto m : kModalities) shape.present[m] = (set >> static_cast<int>(m) & 1) != 0;
    try {
      const auto model = make(1, shape);
      model->eval();
      auto batch = small_batch(3);
      if (!shape.present.text) batch.text_ids = batch.text_segments = batch.text_padding = Tensor();
      if (!shape.present.vision) batch.vision = {};
      if (!shape.present.audio) batch.audio = {};
      EXPECT_TRUE(model->forward(batch, nullptr).score.isfinite().all().item<bool>()) << set;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find("modalit"), std::string::npos) << error.what();
    }
  }
}

TEST_P(Conformance, NonFiniteInputGivesANonFiniteTerm) {
  SKIP_IF_EXCEPTED();
  for (const auto modality : {Modality::vision, Modality::audio}) {
    const auto model = make();
    model->train();
    model->begin_epoch(0, 1);
    auto batch = small_batch(4);
    auto& sequence = modality == Modality::vision ? batch.vision : batch.audio;
    sequence.values[0][0][0] = std::numeric_limits<float>::quiet_NaN();  // the first frame is never padding
    const auto losses = model->loss(model->forward(batch, nullptr), batch);
    EXPECT_FALSE(losses.total.isfinite().item<bool>()) << modality_name(modality) << ": NaN in, a finite loss out";
    EXPECT_TRUE(std::any_of(losses.terms.begin(), losses.terms.end(),
                            [](const auto& term) { return !std::isfinite(term.second.template item<double>()); }))
        << modality_name(modality) << ": the trainer names the term that is not finite";
  }
}

TEST_P(Conformance, SameSeedSameBytes) {
  const auto step = [&] {
    const auto model = make(5);
    model->train();
    torch::manual_seed(6);
    const auto batch = small_batch(4);
    return model->loss(model->forward(batch, nullptr), batch).total.item<float>();
  };
  EXPECT_EQ(step(), step());
}

TEST_P(Conformance, SavedAndLoadedItScoresTheSame) {
  const auto first = make(1), second = make(2);
  const auto path = test::scratch("state.safetensors");
  io::write_safetensors(path, state_of(*first));
  load_state(*second, io::read_safetensors(path));
  first->eval();
  second->eval();
  const auto batch = small_batch(3);
  EXPECT_TRUE(torch::equal(first->forward(batch, nullptr).score, second->forward(batch, nullptr).score));
}

TEST_P(Conformance, AScoreDoesNotDependOnTheOtherClipsOfItsBatch) {
  SKIP_IF_EXCEPTED();
  const auto model = make();
  model->eval();
  const torch::NoGradGuard no_grad;
  const auto batch = small_batch(6);
  const auto together = model->forward(batch, nullptr).score;
  for (std::int64_t i = 0; i < 6; ++i) {
    // Another batch size takes other kernels: float32 rounding of values of order one.
    const auto alone = model->forward(rows_of(batch, {i}), nullptr).score;
    EXPECT_NEAR(alone.item<float>(), together[i].item<float>(), 1e-5);
  }
}

TEST_P(Conformance, OverfitsOneBatch) {
  SKIP_IF_EXCEPTED();
  const auto model = make();
  model->train();
  const auto batch = small_batch(6);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  for (auto& group : model->parameter_groups()) groups.emplace_back(group.parameters);
  torch::optim::AdamW optimizer(groups, torch::optim::AdamWOptions(1e-3));
  const auto error = [&] {
    const torch::NoGradGuard no_grad;
    model->eval();
    const auto result = (model->forward(batch, nullptr).score - batch.label).abs().mean().item<double>();
    model->train();
    return result;
  };
  const double enough = 0.5 * error();
  // Most models need 50 steps. With the dropout of the defaults it is rounding, and so the processor, that decides how
  // many more some take.
  constexpr int kMost = 200, kLook = 25;
  for (int i = 0; i < kMost && (i % kLook != 0 || error() >= enough); ++i) {
    optimizer.zero_grad();
    model->begin_epoch(i, kMost);
    backward(*model, batch);
    optimizer.step();
  }
  EXPECT_LT(error(), enough);
}

/// The clips' frames as the collator hands them over: `lengths` as the data set declares them, 0 = the clip has none.
Sequence collated(Modality modality, const std::vector<std::int64_t>& lengths) {
  const auto shape = small_shape();
  Feature feature;
  feature.lengths = lengths;
  feature.offsets = {0};
  for (const auto length : lengths) feature.offsets.push_back(feature.offsets.back() + length);
  feature.padded_length = shape.length[modality];
  feature.values = torch::randn({feature.offsets.back(), shape.width[modality]});
  Dataset clips;
  clips.clips.resize(lengths.size());
  clips.feature(modality) = feature;
  DataConfig config;
  config.modalities = {std::string(modality_name(modality))};
  const auto batch = Collator(clips, nullptr, config)({0, 1, 2});
  return batch[modality];
}

TEST_P(Conformance, AMissingClipOfAModalityStillScoresAndLearns) {
  for (const auto modality : {Modality::vision, Modality::audio}) {
    const auto model = make();
    auto batch = small_batch(3);
    (modality == Modality::vision ? batch.vision : batch.audio) = collated(modality, {2, 0, 5});
    model->eval();
    EXPECT_TRUE(model->forward(batch, nullptr).score.isfinite().all().item<bool>()) << modality_name(modality);
    model->train();
    model->begin_epoch(0, 1);
    EXPECT_TRUE(backward(*model, batch).total.isfinite().item<bool>()) << modality_name(modality);
    for (const auto& item : model->named_parameters())
      if (item.value().grad().defined())
        EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << modality_name(modality) << ": " << item.key();
  }
}

TEST_P(Conformance, TracesOneVectorPerClipUnderEachNameOfItsFeatures) {
  const auto model = make();
  model->eval();
  const torch::NoGradGuard no_grad;
  Trace trace;
  (void)model->forward(small_batch(4), &trace);
  ASSERT_FALSE(info_.features.empty()) << "`kuda embed` has nothing to show of it";
  EXPECT_EQ(info_.features.back().first, "fused");
  for (const auto& [panel, name] : info_.features) {
    ASSERT_TRUE(trace.has(name)) << panel << ": " << name;
    const auto& feature = trace.at(name);
    ASSERT_EQ(feature.dim(), 2) << panel;
    EXPECT_EQ(feature.size(0), 4) << panel;
    EXPECT_TRUE(feature.isfinite().all().item<bool>()) << panel;
  }
}

std::vector<ConformanceCase> conformance_cases() {
  std::vector<ConformanceCase> cases;
  for (const auto& info : all_models()) cases.push_back({info.name});
  cases.push_back({"cenet", "variant", "codebook"});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AllModels, Conformance, testing::ValuesIn(conformance_cases()), [](const auto& instance) {
  return instance.param.model + (instance.param.value.empty() ? "" : "_" + instance.param.value);
});

TEST(Registry, UnknownNamesGetTheNearest) {
  try {
    (void)find_model("kuta");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'kuda'?"), std::string::npos);
  }
}

}  // namespace
}  // namespace kuda
