#include "kuda/nn/text_features.h"

#include <utility>

namespace kuda {

TextFeatures::TextFeatures(torch::nn::Module& owner, const DataShape& shape, BertConfig bert, const std::string& folder)
    : width_(shape.width.text > 0 ? shape.width.text : bert.hidden_size) {
  if (shape.width.text > 0) return;
  bert.dropout = 0;  // no dropout even if the owner is put into training mode
  bert_ = Bert(bert);
  if (!folder.empty()) load_bert_weights(*bert_, folder);
  for (auto& parameter : bert_->parameters()) parameter.set_requires_grad(false);
  owner.register_module("text_encoder", bert_);
}

Sequence TextFeatures::of(const Batch& batch) const {
  if (bert_.is_empty()) return batch.text_features;
  if (!batch.text_ids.defined()) return {};
  const torch::NoGradGuard no_grad;
  const auto& bert = bert_.ptr();
  if (bert->is_training()) bert->eval();
  bert->skip_padding(true);  // nothing here reads padded positions, whatever the owner does with them
  Sequence text;
  text.values = bert->forward(batch.text_ids, batch.text_segments, batch.text_padding)
                    .back()
                    .masked_fill(batch.text_padding.unsqueeze(-1), 0);
  text.padding = batch.text_padding;
  text.lengths = batch.text_padding.logical_not().sum(1).clamp_min(1);
  return text;
}

}  // namespace kuda
