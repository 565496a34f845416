// Runs a fuzz target a fixed number of times on mutated files: the same inputs on every machine, no clock.
//
//   bounded_run EXECUTIONS FOLDER...     exit code 1 when an input gives anything but a DataError

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "kuda/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMaxSize = 32768;  // larger files are cut, so that executions stay cheap

/// Files of each folder in the order of their names.
std::vector<Bytes> load_corpus(const std::vector<std::string>& folders) {
  std::vector<Bytes> corpus;
  for (const auto& folder : folders) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.is_regular_file()) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      std::ifstream file(path, std::ios::binary);
      corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      corpus.back().resize(std::min(corpus.back().size(), kMaxSize));
    }
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes input = corpus_[below(corpus_.size())];
    for (std::size_t i = 1 + below(4); i > 0; --i) mutate(input);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_.below(bound)); }

  void mutate(Bytes& input) {
    if (input.empty()) return input.push_back(static_cast<std::uint8_t>(below(256)));
    const std::size_t at = below(input.size());
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(8)) {
      case 0:
        *place ^= static_cast<std::uint8_t>(1U << below(8));
        return;
      case 1:
        *place = static_cast<std::uint8_t>(below(256));
        return;
      case 2:
        input.insert(place, static_cast<std::uint8_t>(below(256)));
        return;
      case 3:
        input.erase(place,
                    place + static_cast<std::ptrdiff_t>(1 + below(std::min<std::size_t>(input.size() - at, 16))));
        return;
      case 4:
        input.resize(at);
        return;
      case 5:
        return overwrite_number(input, at);
      case 6:
        return insert_piece(input, at, input);
      default:
        return insert_piece(input, at, corpus_[below(corpus_.size())]);
    }
  }

  /// Numbers at which sizes and offsets go wrong.
  void overwrite_number(Bytes& input, std::size_t at) {
    static constexpr std::uint64_t kNumbers[] = {0,
                                                 1,
                                                 0x7f,
                                                 0x80,
                                                 0xff,
                                                 0x7fff,
                                                 0xffff,
                                                 0x7fffffff,
                                                 0x80000000,
                                                 0xffffffff,
                                                 0x7fffffffffffffff,
                                                 0x8000000000000000,
                                                 0xffffffffffffffff};
    const std::uint64_t number = kNumbers[below(std::size(kNumbers))];
    const std::size_t bytes = std::min<std::size_t>(std::size_t{1} << below(4), input.size() - at);
    std::memcpy(input.data() + at, &number, bytes);
  }

  void insert_piece(Bytes& input, std::size_t at, const Bytes& source) {
    if (source.empty() || input.size() > kMaxSize) return;
    const std::size_t start = below(source.size());
    const std::size_t count = 1 + below(std::min<std::size_t>(source.size() - start, 64));
    const Bytes piece(source.begin() + static_cast<std::ptrdiff_t>(start),
                      source.begin() + static_cast<std::ptrdiff_t>(start + count));
    input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
  }

  const std::vector<Bytes>& corpus_;
  kuda::Random random_;
};

/// From a buffer of exactly its size, so that a sanitizer sees a read beyond it.
void execute(const Bytes& input) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[input.size()]);
  std::copy(input.begin(), input.end(), exact.get());
  LLVMFuzzerTestOneInput(exact.get(), input.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: " << arguments[0] << " EXECUTIONS FOLDER...\n";
    return 2;
  }
  const std::vector<Bytes> corpus = load_corpus({arguments + 2, arguments + count});
  if (corpus.empty()) {
    std::cerr << "no files to start from\n";
    return 2;
  }
  const long executions = std::stol(arguments[1]);
  Bytes input;
  long done = 0;
  try {
    for (const Bytes& file : corpus) execute(input = file);
    Mutator mutator(corpus, kuda::stream_seed(1, "fuzz"));
    for (; done < executions; ++done) execute(input = mutator.next());
  } catch (const std::exception& error) {
    std::ofstream("bounded_run_failure", std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    std::cerr << "execution " << done << " (kept as bounded_run_failure): " << error.what() << '\n';
    return 1;
  }
  std::cout << corpus.size() << " files and " << done << " mutations of them: nothing but DataError\n";
  return 0;
}
