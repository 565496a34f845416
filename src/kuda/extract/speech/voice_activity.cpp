#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "kuda/base/error.h"
#include "kuda/extract/speech/log_mel.h"
#include "kuda/extract/speech/speech.h"
#include "kuda/io/safetensors.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

using torch::Tensor;

constexpr std::int64_t kFftHop = 128;                        // of its windows of 256 samples
constexpr std::int64_t kBins = 129;                          // of a spectrum
constexpr std::int64_t kHidden = 128;                        // of the recurrent layer
constexpr std::array<std::int64_t, 4> kStrides{1, 2, 2, 1};  // of the four convolutions
constexpr std::array<std::int64_t, 5> kWidths{kBins, 128, 64, 64, kHidden};

Tensor weight_of(const io::ArrayFile& file, const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto found = file.arrays.find(name);
  io::Array wanted;
  wanted.shape = shape;
  if (found == file.arrays.end() || found->second.shape != shape || found->second.dtype != io::DType::f32)
    throw CheckpointError(fmt::format("{}: {}: expected {}, found {}", file.path.string(), name, wanted.describe(),
                                      found == file.arrays.end() ? "no such tensor" : found->second.describe()),
                          "these are not the weights that scripts/extractor/speech_weights.py makes of silero_vad.jit");
  return io::to_tensor(found->second);
}

}  // namespace

struct VoiceActivity::Weights {
  Tensor spectrum;  // cosines, then sines: [2 * kBins, 1, 256]
  std::array<Tensor, 4> conv_weights, conv_biases;
  std::vector<Tensor> recurrent;  // of an LSTM, as LibTorch orders them
  Tensor out_weight, out_bias;
};

VoiceActivity::VoiceActivity(const std::filesystem::path& safetensors) {
  const auto file = io::read_safetensors(safetensors);
  auto weights = std::make_shared<Weights>();
  weights->spectrum = weight_of(file, "stft_conv.weight", {2 * kBins, 1, 256});
  for (std::size_t i = 0; i < 4; ++i) {
    const auto name = fmt::format("conv{}.", i + 1);
    weights->conv_weights[i] = weight_of(file, name + "weight", {kWidths[i + 1], kWidths[i], 3});
    weights->conv_biases[i] = weight_of(file, name + "bias", {kWidths[i + 1]});
  }
  for (const char* name : {"lstm_cell.weight_ih", "lstm_cell.weight_hh"})
    weights->recurrent.push_back(weight_of(file, name, {4 * kHidden, kHidden}));
  for (const char* name : {"lstm_cell.bias_ih", "lstm_cell.bias_hh"})
    weights->recurrent.push_back(weight_of(file, name, {4 * kHidden}));
  weights->out_weight = weight_of(file, "final_conv.weight", {1, kHidden, 1}).view({1, kHidden});
  weights->out_bias = weight_of(file, "final_conv.bias", {1});
  weights_ = std::move(weights);
}

std::vector<float> VoiceActivity::next(const Tensor& sound, Memory& memory) const {
  const torch::NoGradGuard no_grad;
  const auto& w = *weights_;
  const auto count = (sound.size(0) - kVoiceContext) / kVoiceStep;
  if (!memory.hidden.defined()) memory.hidden = memory.cell = torch::zeros({1, 1, kHidden});
  auto x = sound.unfold(0, kVoiceContext + kVoiceStep, kVoiceStep).unsqueeze(1);               // [N, 1, 576]
  x = torch::conv1d(torch::reflection_pad1d(x, {0, kVoiceContext}), w.spectrum, {}, kFftHop);  // [N, 258, 4]
  x = (x.slice(1, 0, kBins).square() + x.slice(1, kBins).square()).sqrt();                     // [N, 129, 4]
  for (std::size_t i = 0; i < 4; ++i)
    x = torch::conv1d(x, w.conv_weights[i], w.conv_biases[i], kStrides[i], /*padding=*/1).relu();  // -> [N, 128, 1]
  const auto [out, last_hidden, last_cell] = torch::lstm(
      x.squeeze(-1).unsqueeze(1), {memory.hidden, memory.cell}, w.recurrent, /*has_biases=*/true, /*num_layers=*/1,
      /*dropout=*/0, /*train=*/false, /*bidirectional=*/false, /*batch_first=*/false);  // [N, 1, 128]
  memory = {last_hidden, last_cell};
  const auto speech = torch::linear(out.relu(), w.out_weight, w.out_bias).sigmoid().contiguous();  // [N, 1, 1]
  return {speech.const_data_ptr<float>(), speech.const_data_ptr<float>() + count};
}

std::vector<float> VoiceActivity::probabilities(const Tensor& samples) const {
  check_samples(samples);
  const auto length = samples.size(0), steps = (length + kVoiceStep - 1) / kVoiceStep;
  Memory memory;
  std::vector<float> probabilities;
  probabilities.reserve(std::size_t(steps));
  for (std::int64_t first = 0; first < steps; first += kVoiceStepsAtOnce) {
    const auto count = std::min(kVoiceStepsAtOnce, steps - first);
    // Before the sound and behind it there is silence.
    const auto begin = first * kVoiceStep - kVoiceContext, end = (first + count) * kVoiceStep;
    const auto block =
        next(torch::constant_pad_nd(samples.slice(0, std::max<std::int64_t>(begin, 0), std::min(end, length)),
                                    {std::max<std::int64_t>(-begin, 0), std::max<std::int64_t>(end - length, 0)}),
             memory);
    probabilities.insert(probabilities.end(), block.begin(), block.end());
  }
  return probabilities;
}

std::vector<SpeechPart> VoiceActivity::parts(const Tensor& samples, const SpeechPartOptions& options) const {
  const auto rows = probabilities(samples);
  return parts_of(rows, double(kVoiceStep) / double(kSampleRate), double(samples.size(0)) / double(kSampleRate),
                  options);
}

}  // namespace kuda
