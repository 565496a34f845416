#include "kuda/models/misa/config.h"

namespace kuda::misa {

void MisaConfig::describe(Fields& fields) {
  fields.add("width", width, "width of every private and shared vector; even", at_least(2));
  fields.add("recurrent", recurrent, "recurrent layers of vision and audio");
  fields.add("similarity", similarity,
             "what draws the shared vectors together: cmd = central moment discrepancy, adversarial = a discriminator "
             "behind a gradient reversal");
  fields.add("diff_weight", diff_weight, "weight of the difference loss", at_least(0));
  fields.add("sim_weight", sim_weight, "weight of the similarity loss", at_least(0));
  fields.add("recon_weight", recon_weight, "weight of the reconstruction loss", at_least(0));
  fields.add("reverse_grad_weight", reverse_grad_weight, "factor of the reversed gradient (similarity = adversarial)",
             at_least(0));
  fields.add("dropout", dropout, "dropout in the head and in the domain discriminator", between(0, 0.99));
  fields.add("dropout_fusion", dropout_fusion,
             "dropout of the transformer layer over the six vectors; the published code fixes it at 0.1",
             between(0, 0.99));
  fields.add("finetune_bert", finetune_bert, "train BERT too");
  fields.add("reference_quirks", reference_quirks,
             "true: as published, vision and audio are read as far as the text has word pieces; false: to their own "
             "ends");
}

}  // namespace kuda::misa
