#pragma once
// The fixture of the suite over every registered model, in two files: conformance_test.cpp says what the rest of the
// program relies on, conformance_precision_test.cpp what holds in other precisions and with prepared weights.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "kuda/base/test_support.h"
#include "kuda/models/model.h"
#include "kuda/models/test_batch.h"

namespace kuda::test {

inline DataShape small_shape() {
  DataShape shape;
  shape.length.text = 8;
  shape.length.vision = 6;
  shape.width.vision = 5;
  shape.length.audio = 9;
  shape.width.audio = 4;
  return shape;
}

/// 12 layers, because the default adapters sit on layers 3, 6, 9 and 11; everything else is small.
inline TextEncoder small_text() { return small_encoder(32, 12, 50, 16); }

inline Batch small_batch(std::int64_t size) {
  torch::manual_seed(11);
  const auto shape = small_shape();
  Batch batch;
  for (std::int64_t i = 0; i < size; ++i) {
    batch.ids.push_back("clip" + std::to_string(i));
    batch.rows.push_back(i);
  }
  const auto sequence = [&](std::int64_t length, std::int64_t width) {
    Sequence result;
    result.lengths = torch::randint(1, length + 1, {size});
    result.padding = padding_from(length, result.lengths);
    result.values = torch::randn({size, length, width}).masked_fill(result.padding.unsqueeze(-1), 0);
    return result;
  };
  batch.text_ids = torch::randint(1, 50, {size, shape.length.text});
  batch.text_segments = torch::zeros_like(batch.text_ids);
  batch.text_padding = padding_from(shape.length.text, torch::randint(2, shape.length.text + 1, {size}));
  batch.vision = sequence(shape.length.vision, shape.width.vision);
  batch.audio = sequence(shape.length.audio, shape.width.audio);
  batch.label = torch::rand({size}) * 2 - 1;
  for (auto& label : batch.unimodal_labels) label = torch::rand({size}) * 2 - 1;
  return batch;
}

/// A model with its default options, or with another value of one option of text.
struct ConformanceCase {
  std::string model, option{}, value{};
};

inline void PrintTo(const ConformanceCase& item, std::ostream* out) { *out << item.model << " " << item.value; }

class Conformance : public testing::TestWithParam<ConformanceCase> {
 protected:
  const ModelInfo& info_ = find_model(GetParam().model);
  std::unique_ptr<ModelConfig> options() const {
    auto config = info_.make_config();
    Fields fields;
    config->describe(fields);
    for (const auto& field : fields.list())
      if (field.name == GetParam().option) std::get<NamedTarget>(field.target).set(GetParam().value);
    return config;
  }
  std::shared_ptr<Model> make(std::uint64_t seed = 1, const DataShape& shape = small_shape(),
                              const TextEncoder& text = small_text()) const {
    torch::manual_seed(seed);
    auto model = info_.make(*options(), shape, text);
    TrainingFacts facts;
    for (std::int64_t i = 0; i < 6; ++i) facts.rows.push_back(i);
    facts.labels = [] { return small_batch(6).label; };
    facts.collate = [](const std::vector<std::int64_t>& rows) { return rows_of(small_batch(6), rows); };
    facts.batch_size = 6;
    model->begin_training(facts);
    return model;
  }
  /// Why the model does not keep the promise of the running test; empty: it has to.
  std::string exception() const {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    for (const auto& [name, reason] : info_.exceptions)
      if (test == name || test.starts_with(name + "/")) return reason;
    return {};
  }
};

/// Ends the running test where the model documents that it does not keep its promise.
#define SKIP_IF_EXCEPTED() \
  if (const auto reason = exception(); !reason.empty()) GTEST_SKIP() << reason

/// Backward through every phase of an epoch; gradients add up.
inline Losses backward(Model& model, const Batch& batch) {
  Losses losses;
  for (std::int64_t phase = 0; phase < model.num_phases(); ++phase) {
    model.begin_phase(phase, false);
    const auto output = model.forward(batch, nullptr);
    losses = model.loss(output, batch);
    losses.total.backward();
    const torch::NoGradGuard no_grad;
    model.after_backward(output, batch);
  }
  return losses;
}

}  // namespace kuda::test
