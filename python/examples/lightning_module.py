"""A kuda model in a LightningModule.

    python lightning_module.py DATA ENCODER OUT
"""

import sys

import lightning
import torch

import kuda


class KudaModule(lightning.LightningModule):
    def __init__(self, session, seed=1, lr=1e-3):
        super().__init__()
        self.model, self.lr = kuda.nn.Model(session, seed=seed), lr

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        return batch.to(device)

    def on_train_epoch_start(self):
        self.model.begin_epoch(self.current_epoch, self.trainer.max_epochs)

    def training_step(self, batch, index):
        self._last = self.model(batch), batch
        loss = self.model.loss(*self._last)
        self.log_dict({name: term.detach() for name, term in loss.terms.items()}, batch_size=len(batch))
        return loss.total

    def on_after_backward(self):  # for models that keep something from batch to batch
        self.model.after_backward(*self._last)

    def validation_step(self, batch, index):
        self.log("valid_mae", (self.model(batch).score - batch.label).abs().mean(), batch_size=len(batch))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.lr)


def main(data, encoder, out, epochs=5, **sets):
    session = kuda.Session("lmf", data, encoder=encoder, **sets)
    module = KudaModule(session)
    trainer = lightning.Trainer(max_epochs=epochs, accelerator="cpu", default_root_dir=out, logger=False,
                                enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1)
    trainer.fit(module, session.loader("train", batch_size=8, shuffle=True), session.loader("valid", batch_size=8))
    print(trainer.callback_metrics)
    return module, trainer


if __name__ == "__main__":
    main(*sys.argv[1:4])
