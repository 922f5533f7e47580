"""The tables of schema.sql."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Now


def quantity_field(**options: object) -> models.DecimalField:
    return models.DecimalField(max_digits=12, decimal_places=3, **options)


def money_field(**options: object) -> models.DecimalField:
    return models.DecimalField(max_digits=23, decimal_places=3, **options)


class ProductQuerySet(models.QuerySet["Product"]):
    def with_stock_and_price(self) -> ProductQuerySet:
        active = (
            Price.objects.filter(product_id=OuterRef("pk"), price_type="retail", effective_from__lte=Now())
            .filter(Q(effective_to=None) | Q(effective_to__gt=Now()))
            .order_by("-effective_from")
        )
        return self.select_related("stock").annotate(price=Subquery(active.values("amount")[:1]))


class Product(models.Model):
    sku_id = models.UUIDField(unique=True)
    sku = models.TextField(unique=True)
    name = models.TextField()
    description = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProductQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "product"


class Stock(models.Model):
    product = models.OneToOneField(Product, models.PROTECT, primary_key=True)
    on_hand = quantity_field()
    reserved = quantity_field(default=0)
    blocked = quantity_field(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "stock"

    @property
    def available(self) -> Decimal:
        return self.on_hand - self.reserved - self.blocked


class Movement(models.Model):
    product = models.ForeignKey(Product, models.PROTECT)
    kind = models.TextField()
    on_hand_before = quantity_field()
    on_hand_after = quantity_field()
    reserved_before = quantity_field()
    reserved_after = quantity_field()
    blocked_before = quantity_field()
    blocked_after = quantity_field()
    cost = money_field(null=True)
    actor = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = "movement"


class CostLayer(models.Model):
    product = models.ForeignKey(Product, models.PROTECT)
    received_at = models.DateTimeField(auto_now_add=True)
    quantity = quantity_field()
    remaining = quantity_field()
    unit_cost = money_field()

    class Meta:
        managed = False
        db_table = "cost_layer"


class Price(models.Model):
    product = models.ForeignKey(Product, models.PROTECT, related_name="prices")
    price_type = models.TextField()
    amount = money_field()
    effective_from = models.DateTimeField()
    effective_to = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "price"


class Block(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = quantity_field()
    reason = models.TextField(null=True)
    status = models.TextField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "block"


class Sale(models.Model):
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = quantity_field()
    unit_price = money_field()
    revenue = money_field()
    cost = money_field()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = "sale"
