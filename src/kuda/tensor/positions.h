#pragma once
// How the positions of a batch of sequences lie in memory: padded to one length, or packed without the padding, so
// that linear layers, norms and activations do no work on it.
//
//   const Positions positions = Positions::packed(padding);   // or Positions(padding): as they are
//   auto x = positions.pack(hidden);                          // [B, L, D] -> [N, D]
//   x = x + positions.attend(query(x), key(x), value(x), heads, dropout);
//   hidden = positions.unpack(x);                             // [B, L, D], zeros where padded

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace kuda {

class Positions {
 public:
  /// Padded: padding [B, L] bool (true = padded), or undefined where nothing is. Everything below is the plain path.
  Positions(torch::Tensor padding) : padding_(std::move(padding)) {}  // NOLINT(google-explicit-constructor)
  /// Packed, where that saves anything: stays padded without padding, and where no position is real.
  static Positions packed(const torch::Tensor& padding);

  [[nodiscard]] bool is_packed() const noexcept { return index_.defined(); }
  /// [B, L, D] -> [N, D], N real positions, clip after clip; unchanged where padded.
  [[nodiscard]] torch::Tensor pack(const torch::Tensor& x) const;
  /// [N, D] -> [B, L, D], zero where padded; unchanged where padded.
  [[nodiscard]] torch::Tensor unpack(const torch::Tensor& x) const;
  /// One value a clip, [B, 1, 1] -> one a position, [N, 1]; unchanged where padded.
  [[nodiscard]] torch::Tensor per_position(const torch::Tensor& x) const;
  /// Multi-head attention within each clip. query, key, value [B, L, heads * Dh] or packed [N, heads * Dh] -> same.
  /// The query may have another length where padded. `dropout` acts on the weights; `weights`, if given, receives the
  /// softmax rows [B, heads, Lq, Lk] (padded only).
  [[nodiscard]] torch::Tensor attend(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                                     std::int64_t heads, double dropout, torch::Tensor* weights = nullptr) const;

 private:
  torch::Tensor padding_;              ///< [B, L] or undefined
  torch::Tensor index_;                ///< [N] int64 into B * L; undefined: padded
  std::vector<std::int64_t> lengths_;  ///< real positions of each clip that has any
};

/// A module that can leave padding out of its work. Off at first: whoever knows that no score depends on what stands
/// at padded positions (Model::is_padding_invariant) turns it on. Results then differ by rounding only.
class SkipsPadding {
 public:
  virtual ~SkipsPadding() = default;
  void skip_padding(bool is_on) noexcept { skips_padding_ = is_on; }

 protected:
  [[nodiscard]] Positions positions(const torch::Tensor& padding) const {
    return skips_padding_ && padding.defined() ? Positions::packed(padding) : Positions(padding);
  }

 private:
  bool skips_padding_ = false;
};

/// For every part of `module` that can.
void skip_padding(torch::nn::Module& module, bool is_on);

}  // namespace kuda
