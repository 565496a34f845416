// The only list of models. A new one is a folder, one include and one line here.

#include <list>
#include <mutex>

#include "kuda/base/error.h"
#include "kuda/base/names.h"
#include "kuda/models/almt/almt.h"
#include "kuda/models/bbfn/bbfn.h"
#include "kuda/models/cenet/cenet.h"
#include "kuda/models/cubemlp/cubemlp.h"
#include "kuda/models/kuda/kuda.h"
#include "kuda/models/lmf/lmf.h"
#include "kuda/models/misa/misa.h"
#include "kuda/models/mmim/mmim.h"
#include "kuda/models/model.h"
#include "kuda/models/mult/mult.h"
#include "kuda/models/self_mm/self_mm.h"
#include "kuda/models/tetfn/tetfn.h"
#include "kuda/models/tfn/tfn.h"
#include "kuda/models/tmbl/tmbl.h"

namespace kuda {

const std::vector<ModelInfo>& all_models() {
  static const std::vector<ModelInfo> models{
      kuda_model::info(), tfn::info(),  lmf::info(),  mult::info(),  misa::info(),  self_mm::info(), cubemlp::info(),
      tmbl::info(),       mmim::info(), bbfn::info(), cenet::info(), tetfn::info(), almt::info()};
  return models;
}

namespace {

/// Kept for ever: references to them are given out, also while the program ends. The newest first.
std::list<ModelInfo>& added_models() {
  static auto* models = new std::list<ModelInfo>;
  return *models;
}

std::mutex& guard() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

void add_model(ModelInfo info) {
  for (const auto& ours : all_models())
    if (ours.name == info.name) throw UsageError("'" + info.name + "' is a model of this library: choose another name");
  const std::lock_guard lock(guard());
  added_models().push_front(std::move(info));
}

const ModelInfo& find_model(const std::string& name) {
  std::vector<std::string> known;
  {
    const std::lock_guard lock(guard());
    for (const auto& info : added_models()) {
      if (info.name == name) return info;
      known.push_back(info.name);
    }
  }
  for (const auto& info : all_models()) {
    if (info.name == name) return info;
    known.push_back(info.name);
  }
  throw UsageError("unknown model '" + name + "'", suggestion(name, known));
}

}  // namespace kuda
