#include <cstring>
#include <map>
#include <string>

#include "kuda/data/sources/mmsa.h"
#include "kuda/data/sources/mmsa_file.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/sources/prepared_folder.h"
#include "kuda/io/packed_file.h"

namespace kuda {
namespace {

std::string key(Modality modality, const char* what) { return std::string(modality_name(modality)) + "/" + what; }

std::map<std::string, PackedSpec> layout_of(const MmsaFile& file) {
  std::map<std::string, PackedSpec> layout;
  const auto rows = std::int64_t(file.dataset().clips.size());
  for (const Modality modality : kModalities) {
    const auto& plan = file.plans()[std::size_t(modality)];
    if (!plan) continue;
    layout[key(modality, "values")] = {io::DType::f32, {plan->num_frames(), plan->width}};
    layout[key(modality, "offsets")] = {io::DType::i64, {rows + 1}};
    layout[key(modality, "lengths")] = {io::DType::i64, {rows}};
  }
  if (file.dataset().text_bert.defined())
    layout["text_bert"] = {io::DType::i32, file.dataset().text_bert.sizes().vec()};
  return layout;
}

void copy_numbers(PackedFile& file, const std::string& name, const std::vector<std::int64_t>& numbers) {
  std::memcpy(file.data(name), numbers.data(), numbers.size() * sizeof(std::int64_t));
}

}  // namespace

Dataset import_mmsa(const std::filesystem::path& path, const std::filesystem::path& folder, const DataFacts& facts) {
  PreparedFolder prepared(folder);
  MmsaFile source(path);
  PackedFile packed(prepared.features(), layout_of(source));
  for (const Modality modality : kModalities) {
    const auto& plan = source.plans()[std::size_t(modality)];
    if (!plan) continue;
    copy_numbers(packed, key(modality, "offsets"), plan->offsets);
    copy_numbers(packed, key(modality, "lengths"), plan->lengths);
  }
  if (const auto& tokens = source.dataset().text_bert; tokens.defined())
    std::memcpy(packed.data("text_bert"), tokens.const_data_ptr(), tokens.nbytes());
  const auto place = [&](Modality modality, const PackPlan& plan) {
    return torch::from_blob(packed.data(key(modality, "values")), {plan.num_frames(), plan.width}, torch::kFloat32);
  };
  const auto written = [&](const void* first, std::size_t bytes) { packed.give_back(first, bytes); };
  const Dataset dataset = source.finish(facts, place, written);
  packed.sync();
  prepared.commit(dataset);
  return read_prepared(folder);
}

}  // namespace kuda
