#include "kuda/tensor/positions.h"

#include "kuda/tensor/attention.h"

namespace kuda {

using torch::Tensor;

Positions Positions::packed(const Tensor& padding) {
  Positions positions(padding);
  const auto is_real = padding.logical_not();
  const auto counts = is_real.sum(1).cpu();  // [B]
  const auto real = counts.sum().item<std::int64_t>();
  if (real == padding.numel() || real == 0) return positions;
  positions.index_ = is_real.flatten().nonzero().squeeze(1);
  const auto* count = counts.const_data_ptr<std::int64_t>();
  for (std::int64_t clip = 0; clip < counts.size(0); ++clip)
    if (count[clip] > 0) positions.lengths_.push_back(count[clip]);
  return positions;
}

Tensor Positions::pack(const Tensor& x) const {
  return is_packed() ? x.flatten(0, 1).index_select(0, index_) : x;  // [N, D]
}

Tensor Positions::unpack(const Tensor& x) const {
  if (!is_packed()) return x;
  return torch::zeros({padding_.numel(), x.size(1)}, x.options())
      .index_copy(0, index_, x)
      .unflatten(0, padding_.sizes());  // [B, L, D]
}

Tensor Positions::per_position(const Tensor& x) const {
  return is_packed() && x.defined() ? pack(x.expand({padding_.size(0), padding_.size(1), 1})) : x;
}

Tensor Positions::attend(const Tensor& query, const Tensor& key, const Tensor& value, std::int64_t heads,
                         double dropout, Tensor* weights) const {
  if (!is_packed())
    return merge_heads(kuda::attend(split_heads(query, heads), split_heads(key, heads), split_heads(value, heads),
                                    padding_, dropout, weights));  // [B, Lq, D]
  // One split and one concatenation: their gradients are one operation each, which slices' are not.
  const auto q = query.split_with_sizes(lengths_), k = key.split_with_sizes(lengths_),
             v = value.split_with_sizes(lengths_);
  std::vector<Tensor> mixed;
  for (std::size_t clip = 0; clip < lengths_.size(); ++clip) {
    const auto of = [&](const Tensor& x) { return split_heads(x.unsqueeze(0), heads); };  // [1, H, l, Dh]
    mixed.push_back(merge_heads(kuda::attend(of(q[clip]), of(k[clip]), of(v[clip]), Tensor(), dropout)).squeeze(0));
  }
  return torch::cat(mixed);  // [N, D]
}

void skip_padding(torch::nn::Module& module, bool is_on) {
  for (const auto& part : module.modules())
    if (auto* skips = dynamic_cast<SkipsPadding*>(part.get())) skips->skip_padding(is_on);
}

}  // namespace kuda
