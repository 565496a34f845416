// What voice_features gives for a sound, and what it costs (bench/voice_pitch.py, README.md).
//
//   voice_descriptors SOUND.f32 OUT.csv           raw float32 at 16 kHz -> the columns of voice.h behind the spectral
//   ones voice_descriptors SOUND.f32 --hours 2         the sound over and over in pieces of a second: time and peak
//   memory

#include <fmt/format.h>
#include <sys/resource.h>
#include <torch/torch.h>
#include <CLI/CLI.hpp>

#include <ctime>
#include <fstream>
#include <iostream>

#include "kuda/base/file.h"
#include "kuda/extract/voice/voice.h"

namespace {

using torch::Tensor;

double cpu_seconds() { return double(std::clock()) / CLOCKS_PER_SEC; }

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) / 1024;
}

Tensor read_sound(const std::string& path) {
  const auto bytes = kuda::read_file(path);
  return torch::from_blob(const_cast<char*>(bytes.data()), {std::int64_t(bytes.size() / sizeof(float))}).clone();
}

void write_table(const Tensor& features, const std::string& path) {
  const auto& names = kuda::voice_columns();
  const auto first = std::find(names.begin(), names.end(), "f0") - names.begin();
  std::ofstream out(path);
  for (auto c = std::size_t(first); c < names.size(); ++c) out << (c == std::size_t(first) ? "" : ",") << names[c];
  out << '\n';
  const auto rows = features.slice(1, first).contiguous();
  for (std::int64_t i = 0; i < rows.size(0); ++i)
    for (std::int64_t c = 0; c < rows.size(1); ++c)
      out << rows.const_data_ptr<float>()[i * rows.size(1) + c] << (c + 1 == rows.size(1) ? '\n' : ',');
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app{"Voice descriptors of a raw sound."};
  std::string sound_file, table;
  double hours = 0;
  app.add_option("sound", sound_file, "raw float32, mono, 16 kHz")->required();
  app.add_option("table", table, "csv to write");
  app.add_option("--hours", hours, "the sound over and over for so long");
  CLI11_PARSE(app, count, arguments);
  torch::set_num_threads(1);
  const auto sound = read_sound(sound_file);
  const double seconds = double(sound.size(0)) / 16000;
  auto features = kuda::voice_features(sound);  // also warms the FFT up
  if (!table.empty()) write_table(features, table);
  const double before = cpu_seconds();
  if (hours == 0) {
    features = kuda::voice_features(sound);
    std::cout << fmt::format("{:.2f} s of sound: {} frames, {:.4f} CPU s a second\n", seconds, features.size(0),
                             (cpu_seconds() - before) / seconds);
    return 0;
  }
  const double memory = peak_megabytes();
  kuda::VoiceAnalyser analyser;
  std::int64_t frames = 0;
  const auto pieces = std::int64_t(hours * 3600);
  for (std::int64_t i = 0; i < pieces; ++i) {
    const auto at = i * 16000 % std::max<std::int64_t>(1, sound.size(0) - 16000);
    frames += analyser.add(sound.slice(0, at, at + 16000)).size(0);
  }
  frames += analyser.finish().size(0);
  std::cout << fmt::format(
      "{} hours: {} frames, {:.4f} CPU s a second, peak memory {:.0f} MB, of which {:.0f} MB came "
      "after the first {:.0f} s\n",
      hours, frames, (cpu_seconds() - before) / double(pieces), peak_megabytes(), peak_megabytes() - memory, seconds);
}
