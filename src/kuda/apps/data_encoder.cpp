// kuda data encoder: a text encoder cut down to what the texts of a data set need.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

#include "kuda/apps/data_verbs.h"
#include "kuda/base/error.h"
#include "kuda/data/dataset.h"
#include "kuda/text/cut_encoder.h"

namespace kuda {

namespace {

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const auto& clip : dataset.clips)
    if (!clip.text.empty()) texts.push_back(clip.text);
  if (texts.empty())
    throw DataError(dataset.source + ": no clip has a text, so nothing says which word pieces are needed");
  return texts;
}

}  // namespace

void add_data_encoder(CLI::App& data) {
  struct Options {
    std::string data, encoder, out;
    std::int64_t layers = 0;
  };
  auto options = std::make_shared<Options>();
  auto* verb = data.add_subcommand(
      "encoder", "Cut a text encoder to its first layers and to the word pieces of a data set: small and fast.");
  verb->add_option("data", options->data, "feature file (*.pkl) or prepared folder, with texts")->required();
  verb->add_option("encoder", options->encoder, "text encoder: a folder in Hugging Face layout")->required();
  verb->add_option("out", options->out, "folder of the small encoder")->required();
  verb->add_option("--layers", options->layers, "layers to keep, from the first one; 0 = all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  verb->footer(
      "On the texts of this data set it computes what the whole encoder computes up to that layer. It is for\n"
      "experiments on small machines; other texts lose the words that it does not know.\n"
      "Example:\n  kuda data encoder clips encoders/minilm clips-encoder --layers 2");
  verb->callback([options] {
    const auto kept =
        write_cut_encoder(options->encoder, options->out, options->layers, texts_of(open_dataset(options->data)));
    std::cout << fmt::format("{}: {} layers, {} word pieces\n", options->out, kept.layers, kept.pieces);
  });
}

}  // namespace kuda
