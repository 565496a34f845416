#include "kuda/explain/explain.h"

#include <algorithm>
#include <cmath>

#include "kuda/data/removal.h"

namespace kuda {

using torch::Tensor;

namespace {

constexpr double kRounding = 1e-6;  // a change of a score by less is none

bool is_in(const Batch& batch, Modality modality) {
  return batch[modality].values.defined() || (modality == Modality::text && batch.text_ids.defined());
}

/// Norm of each clip's [L, D] over its real positions: [B].
Tensor norms(const Tensor& x, const Tensor& padding) {
  const bool fits = padding.defined() && padding.size(1) == x.size(1);
  return (fits ? x.masked_fill(padding.unsqueeze(-1), 0) : x).flatten(1).norm(2, 1).cpu().to(torch::kFloat64);
}

using Blocks = std::vector<FusionBlockTrace>;

/// Of `batch`, whose clips are the last of `clips`.
void add_shares(std::vector<Explanation>& clips, const Blocks& blocks, const Trace& trace, const Batch& batch) {
  const auto size = std::size_t(batch.size()), begin = clips.size() - size;
  for (const auto& block : blocks) {
    PerModality<Tensor> weights;
    Tensor sum;
    for (const auto m : kModalities) {
      if (!trace.has(block.weighed[m])) continue;
      weights[m] = norms(trace.at(block.weighed[m]), batch.text_padding);
      sum = sum.defined() ? sum + weights[m] : weights[m];
    }
    for (std::size_t i = 0; sum.defined() && i < size; ++i) {
      auto& shares =
          clips[begin + i].block_shares.emplace_back(PerModality<double>{kUndefined, kUndefined, kUndefined});
      for (const auto m : kModalities)
        if (weights[m].defined())
          shares[m] = weights[m][std::int64_t(i)].item<double>() / sum[std::int64_t(i)].item<double>();
    }
  }
  for (std::size_t i = begin; i < begin + size; ++i) {
    const auto& all = clips[i].block_shares;
    if (all.empty()) continue;
    clips[i].share = {0, 0, 0};
    for (const auto& shares : all)
      for (const auto m : kModalities) clips[i].share[m] += shares[m] / double(all.size());
  }
}

AttentionMap map_of(const Tensor& weights, std::int64_t real) {
  auto rows = weights.mean(0).slice(0, 0, real).to(torch::kCPU, torch::kFloat32);  // [real, L]
  const auto seen = (rows.amax(0) > 0).nonzero();  // columns that are masked out have weight 0 in every row
  rows = rows.slice(1, 0, seen.numel() > 0 ? seen.max().item<std::int64_t>() + 1 : 0).contiguous();
  AttentionMap map;
  map.rows = rows.size(0);
  map.columns = rows.size(1);
  map.weights.assign(rows.const_data_ptr<float>(), rows.const_data_ptr<float>() + rows.numel());
  map.row_max = rows.amax(1).mean().item<double>();
  map.entropy = -(rows * rows.clamp_min(1e-30).log()).sum(1).mean().item<double>();
  return map;
}

/// Of the last block.
void add_attention(std::vector<Explanation>& clips, const FusionBlockTrace& block, const Trace& trace,
                   const Batch& batch) {
  const auto begin = clips.size() - std::size_t(batch.size());
  for (const auto m : kModalities) {
    if (!trace.has(block.attention[m])) continue;
    const auto& weights = trace.at(block.attention[m]);  // [B, H, L, L]
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const bool has_text = batch.text_padding.defined() && batch.text_padding.size(1) == weights.size(2);
      const auto real = has_text ? batch.text_padding[i].logical_not().sum().item<std::int64_t>() : weights.size(2);
      clips[begin + std::size_t(i)].attention[m] = map_of(weights[i], real);
    }
  }
}

/// Adds a clip for each of the batch, with all but its own scores. The traced pass is one of its own: a trace shows
/// padded positions and attention weights, and by that way a score would come out with other last digits than that of
/// `kuda predict`. So it is made only where the model has something to show.
void add_evidence(std::vector<Explanation>& clips, Model& model, const Batch& batch, bool with_attention) {
  const auto begin = clips.size();
  clips.resize(begin + std::size_t(batch.size()));
  if (const auto blocks = model.fusion_blocks(); !blocks.empty()) {
    Trace trace;
    (void)model.forward(batch, &trace);
    add_shares(clips, blocks, trace, batch);
    if (with_attention) add_attention(clips, blocks.back(), trace, batch);
  }
  for (const auto modality : kModalities) {
    if (!is_in(batch, modality)) continue;
    const auto scores = model.forward(without(batch, modality), nullptr).score.cpu().to(torch::kFloat64);
    for (std::size_t i = begin; i < clips.size(); ++i)
      clips[i].without[modality] = scores[std::int64_t(i - begin)].item<double>();
  }
}

/// `predict` scores with the options it is given, and its clips are explained on the way.
template <class Predict>
std::vector<Explanation> explained(Model& model, PredictOptions options, bool with_attention, Predict predict) {
  std::vector<Explanation> clips;
  options.each_batch = [&](const Output&, const Batch& batch) { add_evidence(clips, model, batch, with_attention); };
  const std::vector<Prediction> predictions = predict(options);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    clips[i].id = predictions[i].id;
    clips[i].label = predictions[i].label;
    clips[i].score = predictions[i].score;
    clips[i].unimodal = predictions[i].unimodal;
    clips[i].ratio = predictions[i].ratio;
    clips[i].parts = predictions[i].parts;
    clips[i].correction = predictions[i].correction;
  }
  return clips;
}

}  // namespace

double Explanation::change(Modality modality) const { return without[modality] - double(score); }

std::optional<Modality> Explanation::leading(Evidence evidence) const {
  std::optional<Modality> best;
  double best_value = 0;
  for (const auto modality : kModalities) {
    const double value = evidence == Evidence::unimodal ? -std::abs(double(unimodal[modality]) - double(score))
                         : evidence == Evidence::share  ? share[modality]
                         : evidence == Evidence::ratio  ? double(ratio[modality])
                                                        : std::abs(change(modality));
    const bool is_nothing =
        (evidence == Evidence::ratio && value == 0) || (evidence == Evidence::removal && value < kRounding);
    if (std::isnan(value) || is_nothing || (best && value <= best_value)) continue;
    best = modality;
    best_value = value;
  }
  return best;
}

std::vector<Modality> unread(const std::vector<Explanation>& explanations) {
  std::vector<Modality> names;
  for (const auto modality : kModalities) {
    const auto is_removed = [&](const auto& clip) { return !std::isnan(clip.without[modality]); };
    const auto matters = [&](const auto& clip) { return std::abs(clip.change(modality)) >= kRounding; };
    if (std::ranges::any_of(explanations, is_removed) && std::ranges::none_of(explanations, matters))
      names.push_back(modality);
  }
  return names;
}

std::vector<Explanation> explain_rows(Model& model, const Collate& collate, const std::vector<std::int64_t>& rows,
                                      const PredictOptions& options, bool with_attention) {
  return explained(model, options, with_attention,
                   [&](const PredictOptions& scoring) { return predict_rows(model, collate, rows, scoring); });
}

std::vector<Explanation> explain_batch(Model& model, const Batch& batch, const PredictOptions& options,
                                       bool with_attention) {
  return explained(model, options, with_attention,
                   [&](const PredictOptions& scoring) { return predict_batch(model, batch, scoring); });
}

}  // namespace kuda
