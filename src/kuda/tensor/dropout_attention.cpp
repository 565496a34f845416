#include "kuda/tensor/dropout_attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "kuda/tensor/dropout.h"
#include "kuda/tensor/parallel.h"

namespace kuda {
namespace {

using torch::Tensor;

/// Weights of so many elements are worked on at a time: with their gradient they fit into a second-level cache of 1
/// MiB.
constexpr std::int64_t kPart = 1 << 16;
/// Smaller matrices of weights are faster for all heads together.
constexpr std::int64_t kSmallest = 1 << 14;

/// What one head of one clip needs; everything [rows, Dh] but `bias`.
struct Head {
  Tensor query, key, value;
  Tensor bias;              ///< [Lq, Lk], 0 or -inf; undefined: everything is visible
  std::uint64_t first = 0;  ///< of its weights among those of all heads
};

struct Attention {
  Tensor query, key, value, bias;  ///< [B, H, L, Dh]; bias expanded to [B, H, Lq, Lk] or undefined
  double rate;
  std::uint64_t seed;

  [[nodiscard]] std::int64_t heads() const { return query.size(1); }
  [[nodiscard]] std::int64_t count() const { return query.size(0) * heads(); }
  [[nodiscard]] std::int64_t rows() const { return query.size(2); }
  [[nodiscard]] std::int64_t keys() const { return key.size(2); }
  [[nodiscard]] std::int64_t rows_at_a_time() const {
    const auto most = std::clamp<std::int64_t>(kPart / keys(), 1, rows());
    const auto parts = (rows() + most - 1) / most;
    return (rows() + parts - 1) / parts;
  }
  [[nodiscard]] Tensor of(const Tensor& x, std::int64_t index) const {
    return x.select(0, index / heads()).select(0, index % heads());
  }
  [[nodiscard]] Head head(std::int64_t index) const {
    return {of(query, index) * (1 / std::sqrt(double(query.size(3)))), of(key, index), of(value, index),
            bias.defined() ? of(bias, index) : Tensor(), std::uint64_t(index * rows() * keys())};
  }

  /// Weights before dropout of rows begin to end, into `weights` [rows, Lk]; `scores` is room for as many.
  void weigh(const Head& head, std::int64_t begin, std::int64_t end, Tensor& scores, Tensor& weights) const {
    at::mm_out(scores, head.query.slice(0, begin, end), head.key.t());
    if (head.bias.defined()) scores.add_(head.bias.slice(0, begin, end));
    at::_softmax_out(weights, scores, -1, /*half_to_float=*/false);
  }
  void drop(const Head& head, std::int64_t begin, const Tensor& from, Tensor& to) const {
    hash_dropout_range(from.const_data_ptr<float>(), to.mutable_data_ptr<float>(), from.numel(),
                       head.first + std::uint64_t(begin * keys()), seed, rate);
  }
};

/// Calls work(head, index, begin, end, scratch...) for the parts of all heads, those of one head in order and by one
/// thread, so that sums over parts do not depend on the threads.
template <std::size_t kScratch, class Work>
void for_all_parts(const Attention& attention, const Work& work) {
  for_all(attention.count(), [&](std::int64_t first, std::int64_t last) {
    const torch::NoGradGuard no_grad;
    const at::AutoDispatchBelowADInplaceOrView no_autograd_dispatch;
    const auto step = attention.rows_at_a_time();
    std::array<Tensor, kScratch> room;
    for (auto& part : room) part = torch::empty({step, attention.keys()}, attention.query.options());
    for (auto index = first; index < last; ++index) {
      const auto head = attention.head(index);
      for (std::int64_t begin = 0; begin < attention.rows(); begin += step) {
        const auto end = std::min(begin + step, attention.rows());
        auto scratch = room;
        for (auto& part : scratch) part = part.slice(0, 0, end - begin);
        work(head, index, begin, end, scratch);
      }
    }
  });
}

/// [B, H, L, Dh] laid out as [B, L, H, Dh], so that merging the heads moves nothing.
Tensor merged_layout(const Tensor& like) {
  return torch::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options()).transpose(1, 2);
}

class DropoutAttention : public torch::autograd::Function<DropoutAttention> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& query, const Tensor& key,
                        const Tensor& value, const std::optional<Tensor>& hidden, double rate, std::int64_t seed) {
    const auto bias = hidden.value_or(Tensor());
    context->save_for_backward({query, key, value, bias});
    context->saved_data["rate"] = rate;
    context->saved_data["seed"] = seed;
    const Attention attention{query, key, value, bias, rate, std::uint64_t(seed)};
    auto mixed = merged_layout(query);
    for_all_parts<2>(attention, [&](const Head& head, std::int64_t index, std::int64_t begin, std::int64_t end,
                                    std::array<Tensor, 2>& scratch) {
      auto& [scores, weights] = scratch;
      attention.weigh(head, begin, end, scores, weights);
      attention.drop(head, begin, weights, scores);
      auto out = attention.of(mixed, index).slice(0, begin, end);
      at::mm_out(out, scores, head.value);
    });
    return mixed;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const Attention attention{saved[0],
                              saved[1],
                              saved[2],
                              saved[3],
                              context->saved_data["rate"].toDouble(),
                              std::uint64_t(context->saved_data["seed"].toInt())};
    const auto& gradient = gradients[0];
    auto query = merged_layout(saved[0]), key = merged_layout(saved[1]), value = merged_layout(saved[2]);
    const double scale = 1 / std::sqrt(double(saved[0].size(3)));
    for_all_parts<3>(attention, [&](const Head& head, std::int64_t index, std::int64_t begin, std::int64_t end,
                                    std::array<Tensor, 3>& scratch) {
      auto& [scores, weights, dropped] = scratch;
      const double before = begin == 0 ? 0 : 1;  // the first part of a head begins the sums over its rows
      const auto upstream = attention.of(gradient, index).slice(0, begin, end);  // [rows, Dh]
      auto key_sum = attention.of(key, index), value_sum = attention.of(value, index);
      attention.weigh(head, begin, end, scores, weights);
      attention.drop(head, begin, weights, dropped);
      at::addmm_out(value_sum, value_sum, dropped.t(), upstream, before);
      auto& slopes = scores;  // the scores themselves are not needed any more
      at::mm_out(slopes, upstream, head.value.t());
      attention.drop(head, begin, slopes, dropped);
      at::_softmax_backward_data_out(slopes, dropped, weights, -1, torch::kFloat32);
      auto out = attention.of(query, index).slice(0, begin, end);
      at::addmm_out(out, out, slopes, head.key, /*beta=*/0, /*alpha=*/scale);
      at::addmm_out(key_sum, key_sum, slopes.t(), head.query.slice(0, begin, end), before);  // the query is scaled
    });
    return {query, key, value, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool has_dropout_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& visible,
                           double rate) {
  for (const auto* x : {&query, &key, &value})
    if (!x->is_cpu() || x->scalar_type() != torch::kFloat32 || x->dim() != 4 || x->numel() == 0) return false;
  if (rate <= 0 || rate >= 1 || query.size(2) * key.size(2) < kSmallest) return false;
  // A row without a visible key is NaN, and its gradient is cut off by the mask: the written-out form does both.
  return !visible.defined() || visible.any(-1).all().item<bool>();
}

Tensor dropout_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& visible,
                         double rate) {
  std::optional<Tensor> bias;  // autograd takes no undefined tensor
  if (visible.defined())
    bias = torch::zeros(visible.sizes(), query.options())
               .masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity())
               .expand({query.size(0), query.size(1), query.size(2), key.size(2)});
  return DropoutAttention::apply(query, key, value, bias, rate, std::int64_t(dropout_seed()));
}

}  // namespace kuda
