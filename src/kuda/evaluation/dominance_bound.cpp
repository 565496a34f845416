#include "kuda/evaluation/dominance_bound.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"
#include "kuda/base/json_number.h"
#include "kuda/base/lower_case.h"
#include "kuda/base/names.h"
#include "kuda/base/table.h"
#include "kuda/data/sources/clip_columns.h"
#include "kuda/evaluation/late_fusion.h"
#include "kuda/metrics/table.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr int kFits = 5, kSteps = 400;
constexpr std::int64_t kHidden = 32;

/// The column of a modality's scores.
std::optional<std::size_t> score_column(const io::CsvTable& table, Modality modality) {
  for (const auto* start : {"prediction_", "pred_"})
    for (std::size_t i = 0; i < table.header.size(); ++i)
      if (lower_case(table.header[i]) == lower_case(fmt::format("{}{}", start, letter(modality)))) return i;
  return std::nullopt;
}

struct Tensors {
  Tensor scores, distances, label;  ///< [n, 3] u, [n, 3] abs(s - y), [n]; float32
};

bool is_complete(const Prediction& clip) {
  return !std::isnan(clip.label) && std::none_of(kModalities.begin(), kModalities.end(), [&](Modality m) {
    return std::isnan(clip.unimodal[m]) || std::isnan(clip.unimodal_labels[m]);
  });
}

std::vector<Prediction> complete(const std::vector<Prediction>& clips, Split split) {
  std::vector<Prediction> found;
  for (const auto& clip : clips)
    if (clip.split == split && is_complete(clip)) found.push_back(clip);
  return found;
}

Tensors tensors_of(const std::vector<Prediction>& clips) {
  const auto n = std::int64_t(clips.size());
  Tensors result{torch::empty({n, 3}), torch::empty({n, 3}), torch::empty({n})};
  for (std::int64_t i = 0; i < n; ++i) {
    const auto& clip = clips[std::size_t(i)];
    result.label[i] = clip.label;
    std::int64_t column = 0;
    for (const auto m : kModalities) {
      result.scores[i][column] = clip.unimodal[m];
      result.distances[i][column++] = std::abs(clip.unimodal_labels[m] - clip.label);
    }
  }
  return result;
}

std::vector<double> errors_of(const Tensor& scores, const Tensor& label) {
  const auto errors = (scores - label).abs().to(torch::kFloat64).contiguous();
  return {errors.data_ptr<double>(), errors.data_ptr<double>() + errors.numel()};
}

Tensor weighted(const Tensor& scores, const Tensor& distances, double k) {
  return ((-k * distances).softmax(1) * scores).sum(1);
}

/// Distances that a small network learns to predict from the scores, for `scores` [n, 3].
Tensor learned_distances(const Tensors& train, const Tensor& scores, int fit) {
  torch::manual_seed(std::uint64_t(fit + 1));
  torch::nn::Sequential network(torch::nn::Linear(3, kHidden), torch::nn::GELU(), torch::nn::Linear(kHidden, 3),
                                torch::nn::Softplus());
  torch::optim::Adam optimizer(network->parameters(), 1e-2);
  for (int step = 0; step < kSteps; ++step) {
    optimizer.zero_grad();
    torch::l1_loss(network->forward(train.scores), train.distances).backward();
    optimizer.step();
  }
  const torch::NoGradGuard no_grad;
  return network->forward(scores);
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

void add_row(DominanceBound& bound, const std::string& name, const std::vector<double>& errors,
             const std::vector<double>& reference) {
  const auto difference = [&](std::span<const std::size_t> rows) {
    double sum = 0;
    for (const auto row : rows) sum += errors[row] - reference[row];
    return std::vector<double>{sum / double(rows.size())};
  };
  bound.rows.push_back({name, mean_of(errors), bootstrap_intervals(errors.size(), difference).front()});
}

}  // namespace

bool has_unimodal_scores(const io::CsvTable& table) {
  std::vector<std::string> absent;
  for (const auto m : kModalities)
    if (!score_column(table, m)) absent.push_back(fmt::format("prediction_{}", letter(m)));
  if (!absent.empty() && absent.size() < 3)
    throw DataError(fmt::format("{}: scores of some modalities, but no column {}", table.path.string(), join(absent)),
                    "what a ratio can be worth needs the scores of all three");
  return absent.empty();
}

std::vector<Prediction> unimodal_scores(const io::CsvTable& table) {
  const auto columns = find_clip_columns(table, ClipTable::mmsa);
  const auto need = [&](std::optional<std::size_t> column, const std::string& name) {
    return column ? *column : table.column(name);  // which throws, naming the columns found
  };
  const auto label = need(columns.label, "label");
  PerModality<std::size_t> scores, labels;
  for (const auto m : kModalities) {
    scores[m] = need(score_column(table, m), fmt::format("prediction_{}", letter(m)));
    labels[m] = need(columns.unimodal_labels[m], fmt::format("label_{}", letter(m)));
  }
  std::vector<Prediction> clips;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    const auto number = [&](std::size_t column) {
      const auto value = label_of(row[column]);
      if (!value) throw table.wrong(i, column, "a number");
      return *value;
    };
    Prediction clip;
    clip.id = row[columns.video] + (columns.clip ? "$_$" + row[*columns.clip] : "");
    const auto split = split_of(row[columns.split]);
    if (!split) throw table.wrong(i, columns.split, "train, valid or test");
    clip.split = *split;
    clip.label = number(label);
    for (const auto m : kModalities) {
      clip.unimodal[m] = number(scores[m]);
      clip.unimodal_labels[m] = number(labels[m]);
    }
    clips.push_back(std::move(clip));
  }
  return clips;
}

DominanceBound measure_bound(const std::vector<Prediction>& clips, double k) {
  const auto train = complete(clips, Split::train), valid = complete(clips, Split::valid);
  const auto test = complete(clips, Split::test);
  if (test.empty())
    throw DataError("no test clip has a label, three unimodal labels and three unimodal scores",
                    "the bound compares unimodal labels with scores; CH-SIMS and synthetic data have such labels");
  DominanceBound bound{train.size(), valid.size(), test.size(), k, {}};
  const auto of_test = tensors_of(test);
  const auto late = fuse_late(valid, test);
  const auto reference = errors_of(torch::tensor(late.scores), of_test.label);
  bound.rows.push_back({"late fusion (" + late.method + ")", mean_of(reference), {}});
  if (!train.empty()) {
    const auto of_train = tensors_of(train);
    std::vector<double> errors(test.size(), 0);
    for (int fit = 0; fit < kFits; ++fit) {
      const auto distances = learned_distances(of_train, of_test.scores, fit);
      const auto own = errors_of(weighted(of_test.scores, distances, k), of_test.label);
      for (std::size_t i = 0; i < own.size(); ++i) errors[i] += own[i] / kFits;
    }
    add_row(bound, "ratio learned from the scores", errors, reference);
  }
  add_row(bound, "ratio by the unimodal labels (perfect dominance)",
          errors_of(weighted(of_test.scores, of_test.distances, k), of_test.label), reference);
  const auto own_errors = (of_test.scores - of_test.label.unsqueeze(1)).abs();
  add_row(bound, "ratio by the scores' own errors (knows the label)",
          errors_of(weighted(of_test.scores, own_errors, k), of_test.label), reference);
  return bound;
}

std::string bound_text(const DominanceBound& bound) {
  Table table({"weights of the unimodal scores", "MAE", "minus late fusion", "95 % interval"});
  for (const auto& row : bound.rows) {
    const bool is_reference = std::isnan(row.difference.low);
    const auto with_sign = [](double value) { return (value < 0 ? "" : "+") + format_metric("MAE", value); };
    table.add(
        {row.name, format_metric("MAE", row.mae), is_reference ? "" : with_sign(row.mae - bound.rows.front().mae),
         is_reference ? "" : fmt::format("[{}, {}]", with_sign(row.difference.low), with_sign(row.difference.high))});
  }
  return fmt::format(
      "What a ratio between modalities can be worth: {} test clips, k = {:g} ({} training, {} validation clips)\n{}",
      bound.test, bound.k, bound.train, bound.valid, table.text());
}

std::string bound_json(const DominanceBound& bound) {
  nlohmann::ordered_json root{{"train", bound.train}, {"valid", bound.valid}, {"test", bound.test}, {"k", bound.k}};
  for (const auto& row : bound.rows)
    root["rows"].push_back({{"name", row.name},
                            {"MAE", json_number(row.mae)},
                            {"difference", {json_number(row.difference.low), json_number(row.difference.high)}}});
  return root.dump(2) + "\n";
}

}  // namespace kuda
